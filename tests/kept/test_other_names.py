"""Whose values count where the function that brings rows back calls the table otherwise than its copy: by a part or the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import build, step
from tests.kept.test_whose_values import deploy, roll_back

if TYPE_CHECKING:
    from tests.failures.site import Site

ORDERS = """
CREATE TABLE crm.customers (id int PRIMARY KEY);
INSERT INTO crm.customers SELECT generate_series(1, 20);
CREATE TABLE crm.orders (id serial, customer int REFERENCES crm.customers ON DELETE CASCADE, note text,
  PRIMARY KEY (id)) PARTITION BY RANGE (id);
CREATE TABLE crm.orders_few PARTITION OF crm.orders FOR VALUES FROM (1) TO (1000);
INSERT INTO crm.orders (customer, note) SELECT n, 'note ' || n FROM generate_series(1, 20) AS n;
"""
TO_OLD = (
    "CREATE TABLE crm.old_customers AS SELECT * FROM crm.customers WHERE id > 15",
    "CREATE TABLE crm.old_orders AS SELECT * FROM crm.orders WHERE customer > 15",
    "DELETE FROM crm.customers WHERE id > 15",
)
FROM_OLD = (
    "INSERT INTO crm.customers SELECT * FROM crm.old_customers",
    "INSERT INTO crm.orders SELECT * FROM crm.old_orders",
    "DROP TABLE crm.old_customers, crm.old_orders",
)
NEW_KEYS = (
    FROM_OLD[0],
    "INSERT INTO crm.orders (customer, note) SELECT customer, note FROM crm.old_orders",
    FROM_OLD[2],
)


@pytest.mark.parametrize("down", [FROM_OLD, NEW_KEYS], ids=["the same keys", "keys from a sequence"])
def test_rows_of_a_partition_that_come_back_by_its_parent_count_as_people_left_them(
    site: Site, down: tuple[str, ...]
) -> None:
    build(site, ORDERS)
    step(site, "c2", "c1", TO_OLD, down, deletes_rows=True)
    deploy(site)
    site.execute(
        "UPDATE crm.old_orders SET note = 'new' WHERE customer = 17; DELETE FROM crm.old_orders WHERE customer > 18"
    )
    ended = roll_back(site)
    assert "since crm.old_orders may have changed meanwhile" in ended.said
    assert site.rows("SELECT customer, note FROM crm.orders WHERE customer > 15 ORDER BY 1, 2") == (
        (16, "note 16"),
        (17, "new"),
        (18, "note 18"),
    )


PARTS = """
CREATE TABLE crm.parts (id int PRIMARY KEY, note text) PARTITION BY RANGE (id);
CREATE TABLE crm.few PARTITION OF crm.parts FOR VALUES FROM (1) TO (100);
CREATE TABLE crm.many PARTITION OF crm.parts FOR VALUES FROM (100) TO (1000);
INSERT INTO crm.parts SELECT n, 'note ' || n FROM generate_series(1, 5) AS n;
"""
SHAPED = """
CREATE TABLE crm.alike (LIKE crm.many INCLUDING ALL);
CREATE TABLE crm.child (PRIMARY KEY (id)) INHERITS (crm.alike);
INSERT INTO crm.child VALUES (1, 'one');
CREATE TABLE crm.another (LIKE crm.alike INCLUDING ALL);
INSERT INTO crm.another VALUES (1, 'one');
"""


def test_a_table_that_is_only_shaped_by_another_takes_its_rows_from_nowhere(site: Site) -> None:
    build(site, PARTS + SHAPED)
    step(
        site,
        "c2",
        "c1",
        ("DROP TABLE crm.few, crm.child, crm.another",),
        (
            "CREATE TABLE crm.few PARTITION OF crm.parts FOR VALUES FROM (1) TO (100)",
            "CREATE TABLE crm.child (PRIMARY KEY (id)) INHERITS (crm.alike)",
            "CREATE TABLE crm.another (LIKE crm.alike INCLUDING ALL)",
        ),
    )
    deploy(site)
    site.execute("INSERT INTO crm.parts VALUES (101, 'new'); INSERT INTO crm.alike VALUES (2, 'new')")
    assert "kept-data-conflict" not in roll_back(site).said
    for table, count in (("few", 5), ("child", 1), ("another", 1)):
        assert site.value(f"SELECT count(*) FROM crm.{table}") == count


DROPPED = (
    ("ALTER TABLE crm.parts DETACH PARTITION crm.few", "DROP TABLE crm.parts"),
    (
        "CREATE TABLE crm.parts (id int PRIMARY KEY, note text) PARTITION BY RANGE (id)",
        "CREATE TABLE crm.many PARTITION OF crm.parts FOR VALUES FROM (100) TO (1000)",
        "ALTER TABLE crm.parts ATTACH PARTITION crm.few FOR VALUES FROM (1) TO (100)",
    ),
)
NARROWED = (
    ("ALTER TABLE crm.parts DETACH PARTITION crm.few", "ALTER TABLE crm.parts DROP COLUMN note"),
    ("ALTER TABLE crm.parts ADD COLUMN note text", DROPPED[1][2]),
)


@pytest.mark.parametrize(("up", "down"), [DROPPED, NARROWED], ids=["its parent is dropped", "a column is"])
def test_a_partition_that_lived_by_itself_keeps_what_people_wrote_when_it_is_attached_again(
    site: Site, up: tuple[str, ...], down: tuple[str, ...]
) -> None:
    build(site, PARTS)
    step(site, "c2", "c1", up, down, deletes_rows=True)
    deploy(site)
    site.execute("UPDATE crm.few SET note = 'new' WHERE id = 2; DELETE FROM crm.few WHERE id > 3")
    ended = roll_back(site)
    assert "since crm.few may have changed meanwhile" in ended.said
    assert site.rows("SELECT id, note FROM crm.parts ORDER BY id") == (
        (1, "note 1"),
        (2, "new"),
        (3, "note 3"),
    )
