"""Three modules in a few words: revisions as SQL, deployed in turns, so that there is something to roll back.

deploy 1: crm:c1 customers · billing:b1 invoices · stock:s1 items
deploy 2: crm:c2 phone, with an index · billing:b2 a view of the phones · stock:s2 a price
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.commands_site import Desk
    from tests.failures.site import Ended

MODULES = ("crm", "billing", "stock")
PHONE = ("ALTER TABLE crm.customers ADD phone text", "CREATE INDEX by_phone ON crm.customers (phone)")
NO_PHONE = ("DROP INDEX crm.by_phone", "ALTER TABLE crm.customers DROP phone")


def revision(desk: Desk, key: str, up: tuple[str, ...], down: tuple[str, ...], **names: Any) -> None:
    """Write one revision; "crm:c2" follows "crm:c1" when `after` does not say otherwise."""
    module, name = key.split(":")
    number = int(name[1:])
    after = names.pop("after", f"{name[0]}{number - 1}" if number > 1 else None)
    write_revision(
        versions_of(desk.root, module),
        name,
        after=after,
        upgrade=statements(up),
        downgrade=statements(down),
        message=names.pop("message", f"what {key} does"),
        **names,
    )


def statements(texts: tuple[str, ...]) -> str:
    return "\n".join(f"op.execute({text!r})" for text in texts) or "pass"


def first_deploy(desk: Desk) -> None:
    """Write and apply what all tests begin with; each table gets two rows."""
    project(desk.root, modules=MODULES)
    for key, table, columns in (
        ("crm:c1", "crm.customers", "id int PRIMARY KEY, name text"),
        ("billing:b1", "billing.invoices", "id int PRIMARY KEY, customer int REFERENCES crm.customers"),
        ("stock:s1", "stock.items", "id int PRIMARY KEY, name text"),
    ):
        revision(desk, key, (f"CREATE TABLE {table} ({columns})",), (f"DROP TABLE {table}",))
    deploy(desk)
    desk.execute(
        "INSERT INTO crm.customers VALUES (1, 'Ada'), (2, 'Bo'); INSERT INTO billing.invoices VALUES (1, 1), (2, 2);"
        "INSERT INTO stock.items VALUES (1, 'nut'), (2, 'bolt')"
    )


def second_deploy(desk: Desk) -> None:
    """A column of crm, a view of billing that reads it, and something of stock that has nothing to do with either."""
    revision(desk, "crm:c2", PHONE, NO_PHONE)
    revision(
        desk,
        "billing:b2",
        ("CREATE VIEW billing.phones AS SELECT id, phone FROM crm.customers",),
        ("DROP VIEW billing.phones",),
    )
    revision(
        desk, "stock:s2", ("ALTER TABLE stock.items ADD price int",), ("ALTER TABLE stock.items DROP price",)
    )
    deploy(desk)


def both_deploys(desk: Desk) -> None:
    first_deploy(desk)
    second_deploy(desk)


def deploy(desk: Desk, *more: str) -> Ended:
    """Apply everything, unrehearsed: what is tested comes after it."""
    ended = desk.migrate("all-modules", "--yes", "--staging", "off", *more)
    assert ended.code == 0, ended.err
    return ended


def roll_back(desk: Desk, *arguments: str, staging: str = "off") -> Ended:
    return desk.migrate("rollback", *arguments, "--yes", "--staging", staging)


def in_database(desk: Desk) -> str:
    """The heads of all modules, like "b2 c2 s2"."""
    heads = [
        desk.value(f"SELECT string_agg(version_num, '+' ORDER BY version_num) FROM {name}.alembic_version")
        for name in sorted(MODULES)
    ]
    return " ".join(each or "-" for each in heads)


def held(desk: Desk) -> str:
    """What is on hold, like "crm:c2"."""
    rows = desk.rows("SELECT module || ':' || revision FROM migrate.hold ORDER BY 1")
    return " ".join(row[0] for row in rows)


def told(ended: Ended) -> str:
    """Standard output with every run of white space made one blank."""
    return " ".join(ended.out.split())
