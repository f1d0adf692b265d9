"""Three modules on a target that has rows: each has one pending step, and one of these can be made to fail by rows.

    crm:c2 → billing:b2 → agenda:a1

crm and billing ran before under plain Alembic; agenda is new, without a schema. Every rehearsal passes, since a
staging database has definitions and no rows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

CRM = """
CREATE TABLE crm.customers (id int PRIMARY KEY, email text, nick text);
CREATE TABLE crm.old_notes (id int PRIMARY KEY, customer int);
CREATE TABLE crm.notes (id int PRIMARY KEY, customer int
  CONSTRAINT note_of_customer REFERENCES crm.customers DEFERRABLE INITIALLY DEFERRED);
"""
BILLING = "CREATE TABLE billing.invoices (id int PRIMARY KEY, number text, total numeric, archived bool);"
APPOINTMENTS = """
CREATE TABLE agenda.appointments (id int PRIMARY KEY, nick text, customer int REFERENCES crm.customers,
  invoice int CONSTRAINT invoice_of_appointment REFERENCES billing.invoices DEFERRABLE INITIALLY DEFERRED)
"""
ROWS = """
INSERT INTO crm.customers SELECT n, 'user' || n || '@example.org', 'nick' || n FROM generate_series(1, 20) AS n;
INSERT INTO crm.old_notes SELECT n, n FROM generate_series(1, 10) AS n;
INSERT INTO billing.invoices SELECT n, 'R' || n, n * 10, false FROM generate_series(1, 20) AS n;
"""
STEPS = (("crm", "c2"), ("billing", "b2"), ("agenda", "a1"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A statement that works on an empty database and fails on the target's rows once `spoil` has run.

    `words` are what a person must be told, besides module, revision and place.
    """

    sql: str
    undo: str
    spoil: str
    repair: str
    words: tuple[str, ...]
    check: str = ""  # a query for the module's own checks/*.sql
    line_is_known: bool = True  # False: only the step as a whole is guilty, so its first line is named


BREAKS: dict[tuple[str, str], Break] = {
    ("crm", "rows"): Break(
        sql="CREATE UNIQUE INDEX customers_email ON crm.customers (email)",
        undo="DROP INDEX crm.customers_email",
        spoil="UPDATE crm.customers SET email = 'user1@example.org' WHERE id = 7",
        repair="UPDATE crm.customers SET email = 'user7@example.org' WHERE id = 7",
        words=("CREATE UNIQUE INDEX customers_email", 'could not create unique index "customers_email"', "23505"),
    ),
    ("billing", "rows"): Break(
        sql="ALTER TABLE billing.invoices ALTER COLUMN total SET NOT NULL",
        undo="ALTER TABLE billing.invoices ALTER COLUMN total DROP NOT NULL",
        spoil="UPDATE billing.invoices SET total = NULL WHERE id = 3",
        repair="UPDATE billing.invoices SET total = 30 WHERE id = 3",
        words=("ALTER COLUMN total SET NOT NULL", 'column "total" of relation "invoices" contains null', "23502"),
    ),
    ("agenda", "rows"): Break(
        sql="INSERT INTO agenda.people (email) SELECT lower(email) FROM crm.customers",
        undo="DELETE FROM agenda.people",
        spoil="UPDATE crm.customers SET email = 'USER1@example.org' WHERE id = 7",
        repair="UPDATE crm.customers SET email = 'user7@example.org' WHERE id = 7",
        words=("INSERT INTO agenda.people", 'duplicate key value violates unique constraint "people_pkey"', "23505"),
    ),
    ("crm", "integrity"): Break(
        sql="ALTER TABLE crm.customers ADD CONSTRAINT has_nick CHECK (nick <> '') NOT VALID",
        undo="ALTER TABLE crm.customers DROP CONSTRAINT has_nick",
        spoil="UPDATE crm.customers SET nick = '' WHERE id IN (5, 6)",
        repair="UPDATE crm.customers SET nick = 'mended' WHERE nick = ''",
        words=("integrity check 'nothing-not-valid'", "2 rows of crm.customers break it"),
        line_is_known=False,
    ),
    ("billing", "integrity"): Break(
        sql="INSERT INTO billing.archive (id, number) SELECT id, number FROM billing.invoices WHERE archived",
        undo="DELETE FROM billing.archive",
        spoil="UPDATE billing.invoices SET archived = true WHERE id = 9",
        repair="UPDATE billing.invoices SET archived = false",
        words=("integrity check 'sequences-ahead'", "billing.archive.id has got to 9"),
        line_is_known=False,
    ),
    ("agenda", "integrity"): Break(
        sql="UPDATE agenda.appointments SET nick = (SELECT nick FROM crm.customers AS c WHERE c.id = customer)",
        undo="UPDATE agenda.appointments SET nick = NULL",
        spoil="UPDATE crm.customers SET nick = 'ghost' WHERE id = 4",
        repair="UPDATE crm.customers SET nick = 'mended' WHERE id = 4",
        words=("integrity check 'own-checks'", "1 row (columns id) in the check 'no_ghosts.sql'"),
        check="SELECT id FROM appointments WHERE nick = 'ghost'",
        line_is_known=False,
    ),
    ("crm", "deferred"): Break(
        sql="INSERT INTO crm.notes SELECT id, customer FROM crm.old_notes",
        undo="DELETE FROM crm.notes",
        spoil="INSERT INTO crm.old_notes VALUES (11, 999)",
        repair="DELETE FROM crm.old_notes WHERE id = 11",
        words=("a deferred constraint", 'violates foreign key constraint "note_of_customer"', "23503", "INSERT INTO crm.notes"),
    ),
    ("billing", "deferred"): Break(
        sql="INSERT INTO billing.numbers SELECT number FROM billing.invoices",
        undo="DELETE FROM billing.numbers",
        spoil="UPDATE billing.invoices SET number = 'R1' WHERE id = 2",
        repair="UPDATE billing.invoices SET number = 'R2' WHERE id = 2",
        words=("a deferred constraint", 'violates unique constraint "one_number"', "23505", "INSERT INTO billing.numbers"),
    ),
    ("agenda", "deferred"): Break(
        sql="UPDATE agenda.appointments SET invoice = 999 FROM crm.customers AS c WHERE c.id = customer AND c.nick = 'ghost'",
        undo="UPDATE agenda.appointments SET invoice = NULL",
        spoil="UPDATE crm.customers SET nick = 'ghost' WHERE id = 4",
        repair="UPDATE crm.customers SET nick = 'mended' WHERE id = 4",
        words=(
            "a deferred constraint",
            'violates foreign key constraint "invoice_of_appointment"',
            "23503",
            "UPDATE agenda.appointments",
        ),
    ),
}  # fmt: skip


def sleeping(seconds: float) -> Break:
    """No break, but a step that takes so long."""
    return Break(
        sql=f"SELECT pg_sleep({seconds})", undo="SELECT 1", spoil="SELECT 1", repair="SELECT 1", words=()
    )


# The server process that sleeps in a step; null while there is none.
SLEEPER = """
SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'
   AND application_name LIKE 'migrate:%' AND query LIKE 'SELECT pg_sleep(%'
"""
LOCK_HOLDER = """
SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
   AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


def build_shop(site: Site, *broken: tuple[str, Break]) -> None:
    """Write the project, with these breaks in these modules' steps, and fill and spoil the target."""
    breaks = dict(broken)
    project(site.root, modules=("crm", "billing", "agenda"))
    for module, revision, sql, tables in (
        ("crm", "c1", CRM, "crm.notes, crm.old_notes, crm.customers"),
        ("billing", "b1", BILLING, "billing.invoices"),
    ):
        write_revision(
            versions_of(site.root, module),
            revision,
            upgrade=_all(*_statements(sql)),
            downgrade=_all(f"DROP TABLE {tables}"),
        )
    _write_step(
        site, "crm", "c2", breaks,
        ("ALTER TABLE crm.customers ADD COLUMN phone text", "UPDATE crm.customers SET phone = '+1' || id"),
        ("ALTER TABLE crm.customers DROP COLUMN phone",),
        after="c1",
    )  # fmt: skip
    _write_step(
        site, "billing", "b2", breaks,
        (
            "CREATE TABLE billing.archive (id serial PRIMARY KEY, number text)",
            "CREATE TABLE billing.numbers (number text CONSTRAINT one_number UNIQUE DEFERRABLE INITIALLY DEFERRED)",
            "UPDATE billing.invoices SET archived = archived",
        ),
        ("DROP TABLE billing.archive", "DROP TABLE billing.numbers"),
        after="b1", requires=["crm:c2"],
    )  # fmt: skip
    _write_step(
        site, "agenda", "a1", breaks,
        (
            "CREATE TABLE agenda.people (email text PRIMARY KEY)",
            APPOINTMENTS,
            "INSERT INTO agenda.appointments (id, customer) SELECT id, id FROM crm.customers",
        ),
        ("DROP TABLE agenda.appointments", "DROP TABLE agenda.people"),
        requires=["billing:b2"],
    )  # fmt: skip
    for module, each in broken:
        if each.check:
            checks = versions_of(site.root, module).parent / "checks"
            checks.mkdir()
            (checks / "no_ghosts.sql").write_text(each.check + ";\n", encoding="utf-8")
    site.execute(
        "CREATE SCHEMA crm; CREATE SCHEMA billing;"
        + CRM
        + BILLING
        + "".join(
            f"CREATE TABLE {name}.alembic_version (version_num varchar(32) PRIMARY KEY);"
            f"INSERT INTO {name}.alembic_version VALUES ('{revision}');"
            for name, revision in (("crm", "c1"), ("billing", "b1"))
        )
        + ROWS
    )
    for _, each in broken:
        site.execute(each.spoil)


def _write_step(
    site: Site,
    module: str,
    revision: str,
    breaks: dict[str, Break],
    up: tuple[str, ...],
    down: tuple[str, ...],
    **names: Any,
) -> None:
    """A step that works, and with a break the statement that does not, at its end."""
    extra = breaks.get(module)
    write_revision(
        versions_of(site.root, module),
        revision,
        upgrade=_all(*up, *([extra.sql] if extra else [])),
        downgrade=_all(*([extra.undo] if extra else []), *down),
        **names,
    )


def _statements(text: str) -> list[str]:
    return [each.strip() for each in text.split(";") if each.strip()]


def _all(*statements: str) -> str:
    return "\n".join(f"op.execute({' '.join(each.split())!r})" for each in statements)
