"""Columns that come back with a default, a sequence or a constraint of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.keeping.source import find_source
from coordinator.postgres.keeping.target import raise_sequences
from tests.kept.shelf import build, same, step
from tests.kept.test_committed_rows import BLOCK
from tests.kept.test_whose_values import again, deploy, roll_back
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

MADE = """
CREATE TABLE crm.files (id int PRIMARY KEY, made timestamptz NOT NULL DEFAULT now(),
  token uuid NOT NULL DEFAULT gen_random_uuid(), place serial UNIQUE, name text);
INSERT INTO crm.files (id, made, place) SELECT n, '2020-01-01', 6 + n FROM generate_series(1, 5) AS n;
SELECT setval('crm.files_place_seq', 100);
"""


@pytest.mark.parametrize("hidden", [(), ("DO $$ BEGIN PERFORM 1; END $$",)], ids=["plain", "hidden"])
def test_a_default_that_calls_a_function_is_no_value_of_the_functions_own(
    site: Site, hidden: tuple[str, ...]
) -> None:
    """Nor of a row that was changed since: it was given none. And what we fill is not what the function overwrites.

    The next row that the function makes has the next number.
    """
    build(site, MADE)
    step(
        site,
        "c2",
        "c1",
        tuple(f"ALTER TABLE crm.files DROP COLUMN {each}" for each in ("made", "token", "place")),
        (
            "ALTER TABLE crm.files ADD COLUMN made timestamptz DEFAULT now() NOT NULL",
            "ALTER TABLE crm.files ADD token uuid NOT NULL DEFAULT gen_random_uuid()",
            "ALTER TABLE crm.files ADD COLUMN place serial",
            "INSERT INTO crm.files (id) VALUES (7)",
            "ALTER TABLE crm.files ADD UNIQUE (place)",
            *hidden,
        ),
    )
    before = site.rows("SELECT id, made, token, place FROM crm.files ORDER BY id")
    deploy(site)
    site.execute("UPDATE crm.files SET name = 'new' WHERE id = 2; INSERT INTO crm.files VALUES (6)")
    assert "kept-data-conflict" not in roll_back(site, *(() if hidden else ("--keep-limit", "1KB"))).said
    assert site.rows("SELECT id, made, token, place FROM crm.files WHERE id < 6 ORDER BY id") == before
    assert site.value("SELECT place FROM crm.files WHERE id = 7") == 12


PEOPLE = """
CREATE TABLE crm.people (id int PRIMARY KEY, email text UNIQUE, code text NOT NULL, note text NOT NULL DEFAULT '');
INSERT INTO crm.people SELECT n, 'p' || n, 'c' || n, 'n' || n FROM generate_series(1, 5) AS n;
"""


def test_newer_rows_without_a_value_stop_only_a_column_that_needs_one(site: Site) -> None:
    """One that is unique may be empty, and one that the function or a default fills before it is mandatory is not."""
    build(site, PEOPLE)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.people DROP COLUMN email, DROP COLUMN code, DROP COLUMN note",),
        (
            "ALTER TABLE crm.people ADD COLUMN email text, ADD COLUMN code text",
            "ALTER TABLE crm.people ADD CONSTRAINT people_email_key UNIQUE (email)",
            "UPDATE crm.people SET code = 'none'",
            "ALTER TABLE crm.people ALTER COLUMN code SET NOT NULL",
            "ALTER TABLE crm.people ADD COLUMN note text DEFAULT ''",
            "ALTER TABLE crm.people ALTER COLUMN note SET NOT NULL",
        ),
    )
    deploy(site)
    site.execute("INSERT INTO crm.people VALUES (6)")
    roll_back(site)
    assert site.rows("SELECT email, code, note FROM crm.people WHERE id > 4 ORDER BY id") == (
        ("p5", "c5", "n5"),
        (None, "none", ""),
    )


WATCHED = """
CREATE DOMAIN crm.number AS text;
CREATE TABLE crm.people (id int PRIMARY KEY, seen int NOT NULL DEFAULT 0, phone crm.number NOT NULL,
  nick text NOT NULL, place serial UNIQUE);
INSERT INTO crm.people SELECT n, 0, '+1' || n, 'n' || n, 100 - n FROM generate_series(1, 5) AS n;
SELECT setval('crm.people_place_seq', 100);
CREATE FUNCTION crm.see() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.seen := OLD.seen + 1; RETURN NEW; END $$;
CREATE TRIGGER seen BEFORE UPDATE ON crm.people FOR EACH ROW EXECUTE FUNCTION crm.see();
"""


def test_in_an_autocommit_block_what_is_filled_comes_with_its_column_or_not_at_all(
    site: Site, role: str
) -> None:
    """Also for a module's owner, who may not read the copies; no trigger sees it, and none stays off."""
    site.execute(f"CREATE ROLE {role}")
    build(site, WATCHED, module={"owner": role})
    site.execute(f"ALTER SCHEMA crm OWNER TO {role}; ALTER TABLE crm.people OWNER TO {role};"
        f"ALTER DOMAIN crm.number OWNER TO {role}; ALTER FUNCTION crm.see OWNER TO {role};"
        f"ALTER TABLE crm.alembic_version OWNER TO {role}")  # fmt: skip
    lines = (
        "ALTER TABLE crm.people ADD COLUMN phone crm.number NOT NULL",
        "ALTER TABLE crm.people ADD COLUMN nick text",
        "ALTER TABLE crm.people ALTER COLUMN nick SET NOT NULL",
        "ALTER TABLE crm.people ADD COLUMN place serial UNIQUE",
    )
    write_revision(
        versions_of(site.root, "crm"),
        "c2",
        after="c1",
        upgrade="op.execute('ALTER TABLE crm.people DROP COLUMN phone, DROP COLUMN nick, DROP COLUMN place')",
        downgrade="\n".join((BLOCK.format(lines[0]), *(f"    op.execute({each!r})" for each in lines[1:]))),
    )
    before = site.picture()
    deploy(site)
    after = site.picture()
    site.execute("ALTER DOMAIN crm.number ADD CONSTRAINT known CHECK (VALUE <> '+13')")
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert ended.code == 3, ended.err
    assert 'value for domain crm.number violates check constraint "known"' in ended.said
    site.execute("ALTER DOMAIN crm.number DROP CONSTRAINT known")
    assert same(site, after)
    assert "kept-data" not in roll_back(site).said
    assert same(site, before)
    again(site)
    assert same(site, after)


def test_a_sequence_that_counts_down_is_brought_down(site: Site) -> None:
    site.execute(
        "CREATE SCHEMA crm; CREATE TABLE crm.down (id int GENERATED BY DEFAULT AS IDENTITY (INCREMENT -1));"
        "INSERT INTO crm.down SELECT -n FROM generate_series(1, 5) AS n"
    )
    with site.session() as session:
        target = find_source(session, "crm", "down")
        assert target is not None
        raise_sequences(session, target, ("id",))
        assert session.value("INSERT INTO crm.down DEFAULT VALUES RETURNING id") == -6
        session.execute("DELETE FROM crm.down WHERE id < -1")
        raise_sequences(session, target, ("id",))
        assert session.value("INSERT INTO crm.down DEFAULT VALUES RETURNING id") == -7
