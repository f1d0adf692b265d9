"""`migrate plan` says what each step would destroy, and what of it would be kept, before anything runs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import build, failing, same, step

if TYPE_CHECKING:
    from tests.failures.site import Site

TABLES = """
CREATE TABLE crm.customers (id int PRIMARY KEY, name text NOT NULL, phone text);
INSERT INTO crm.customers SELECT n, 'name ' || n, '+1' || n FROM generate_series(1, 20) AS n;
CREATE TABLE crm.log (line text);
INSERT INTO crm.log VALUES ('one'), ('two');
CREATE TABLE crm.empty (id int PRIMARY KEY, line text);
"""


def build_three(site: Site, settings: str = "") -> None:
    """Steps that drop a column, write in rows that no key tells apart, and drop an empty column."""
    build(site, TABLES, settings=settings)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers RENAME COLUMN phone TO tel",),
        ("ALTER TABLE crm.customers RENAME COLUMN tel TO phone",),
    )
    step(
        site,
        "c3",
        "c2",
        ("ALTER TABLE crm.customers DROP COLUMN tel", "ALTER TABLE crm.empty DROP COLUMN line"),
        ("ALTER TABLE crm.customers ADD COLUMN tel text", "ALTER TABLE crm.empty ADD COLUMN line text"),
    )
    step(site, "c4", "c3", ("UPDATE crm.log SET line = upper(line)",), ("SELECT 1",))


def test_the_plan_says_what_would_be_kept_and_what_could_not_go_back_by_itself(site: Site) -> None:
    build_three(site)
    before = site.picture()
    ended = site.migrate("plan")
    assert ended.code == 0, ended.err
    told = " ".join(ended.out.split())
    assert "keeps column crm.customers.phone, about " in told
    no_key = "the table has no key that tells its rows apart"
    assert f"destroys rows of crm.log (line) ({no_key})" in told
    assert "crm.empty, about" not in told
    ended = site.migrate("plan", "--format", "json")
    column, rows = json.loads(ended.out)["destroys"]
    assert column["bytes"] > 0
    assert rows["bytes"] > 0
    del column["bytes"], rows["bytes"]
    assert column == {
        "module": "crm",
        "revision": "c3",
        "kind": "columns",
        "table": "crm.customers",
        "columns": ["phone"],
        "notKept": None,
    }
    assert (rows["revision"], rows["kind"], rows["notKept"]) == ("c4", "rows", no_key)
    assert "keeps column crm.customers.phone, about " in site.migrate("plan", "--format", "markdown").out
    assert site.picture() == before


def test_the_plan_says_that_nothing_is_kept_where_that_is_switched_off(site: Site) -> None:
    build_three(site, settings="keep = false\n")
    ended = site.migrate("plan")
    assert ended.code == 0, ended.err
    told = " ".join(ended.out.split())
    assert "destroys column crm.customers.phone (keep is off)" in told
    assert "keeps " not in told


KEYS = """
CREATE TABLE crm.customers (id int PRIMARY KEY, name text NOT NULL, phone text);
INSERT INTO crm.customers SELECT n * 10, 'name ' || n, '+1' || n FROM generate_series(1, 20) AS n;
"""
PERSONAL = (
    "# Database map\n\n## Module crm\n\n- Schema: crm\n\n### Table customers\n\n"
    "| column | type | personal data | notes |\n|---|---|---|---|\n| id | int | yes | |\n"
    "| name | text | | |\n| phone | text | | |\n"
)


@pytest.mark.parametrize(
    ("up", "down", "map_text", "flags", "why"),
    [
        pytest.param(
            ("ALTER TABLE crm.customers DROP COLUMN id",),
            (
                "ALTER TABLE crm.customers ADD COLUMN id serial PRIMARY KEY",
                "ALTER TABLE crm.customers ALTER id DROP DEFAULT",
                "DROP SEQUENCE crm.customers_id_seq",
            ),
            "",
            (),
            "column crm.customers.id (the key that tells its rows apart goes with it)",
            id="the key is what goes",
        ),
        pytest.param(
            ("UPDATE crm.customers SET phone = ''", "ALTER TABLE crm.customers DROP COLUMN id"),
            ("ALTER TABLE crm.customers ADD COLUMN id serial PRIMARY KEY",),
            "",
            ("--staging", "off"),
            "rows of crm.customers (phone) (the key that tells its rows apart goes with it)",
            id="rows are changed and the key goes",
        ),
        pytest.param(
            ("ALTER TABLE crm.customers DROP COLUMN phone",),
            ("ALTER TABLE crm.customers ADD COLUMN phone text",),
            PERSONAL,
            (),
            "column crm.customers.phone (id: personal data, kept only with --keep-personal)",
            id="the key is personal",
        ),
    ],
)
def test_a_step_whose_rows_could_not_be_told_apart_cannot_go_before_other_steps(
    site: Site, up: tuple[str, ...], down: tuple[str, ...], map_text: str, flags: tuple[str, ...], why: str
) -> None:
    build(site, KEYS)
    if map_text:
        (site.root / "database_map.md").write_text(map_text, encoding="utf-8")
    step(site, "c2", "c1", up, down)
    failing(site, "c3", "c2")
    before = site.picture()
    ended = site.migrate("all-modules", "--atomic", "step", *flags)
    assert ended.code == 1, ended.err
    assert "loss-before-commit" in ended.said
    assert why in ended.said
    assert same(site, before)
