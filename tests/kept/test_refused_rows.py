"""Kept rows that a constraint does not let back in: they are told and stay in the copy, the others go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import build, step

if TYPE_CHECKING:
    from tests.failures.site import Site

UNREHEARSED = ("--yes", "--staging", "off")
# `boss` refers to the same table: by itself a row can only go back after the one it refers to.
TABLES = """
CREATE TABLE crm.parents (id int PRIMARY KEY);
CREATE TABLE crm.children (id int PRIMARY KEY, parent int REFERENCES crm.parents, boss int REFERENCES crm.children,
  note text);
INSERT INTO crm.parents SELECT n FROM generate_series(1, 6) AS n;
INSERT INTO crm.children SELECT n, n, CASE WHEN n < 6 THEN n + 1 END, 'n' || n FROM generate_series(6, 1, -1) AS n;
"""


def test_deleted_rows_whose_parent_is_gone_stay_in_the_copy_and_the_others_go_back(site: Site) -> None:
    build(site, TABLES)
    step(site, "c2", "c1", ("DELETE FROM crm.children",), ("SELECT 1",), deletes_rows=True)
    assert site.migrate("all-modules").code == 0
    site.execute("DELETE FROM crm.parents WHERE id = 2")
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    # Row 1 refers to row 2, which refers to the parent that is gone.
    assert (
        "2 rows kept when crm:c2 destroyed rows of crm.children (boss, id, note, parent) are refused by"
        " constraint children_boss_fkey, constraint children_parent_fkey: id 1; id 2" in ended.said
    )
    assert site.rows("SELECT id, parent, boss FROM crm.children ORDER BY id") == (
        (3, 3, 4),
        (4, 4, 5),
        (5, 5, 6),
        (6, 6, None),
    )
    name = site.value("SELECT copy FROM migrate.kept WHERE run = 1")
    assert site.rows(f"SELECT id, parent FROM migrate.{name} ORDER BY id") == (("1", "1"), ("2", "2"))
    assert site.rows("SELECT put_back, conflicts FROM migrate.kept WHERE run = 1") == ((4, 2),)
    assert "2 conflicts: " in site.migrate("history", "2").out


def test_a_dropped_reference_to_what_is_gone_stays_empty_and_is_told_with_the_changed_row(site: Site) -> None:
    build(site, TABLES)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.children DROP COLUMN parent", "UPDATE crm.children SET note = upper(note)"),
        ("ALTER TABLE crm.children ADD COLUMN parent int REFERENCES crm.parents",),
    )
    assert site.migrate("all-modules").code == 0
    site.execute(
        "DELETE FROM crm.parents WHERE id IN (2, 3);UPDATE crm.children SET note = 'other' WHERE id IN (3, 4)"
    )
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 0, ended.err
    assert (
        "2 rows kept when crm:c2 destroyed column crm.children.parent are refused by"
        " constraint children_parent_fkey: id 2; id 3" in ended.said
    )
    assert "2 rows were changed since crm:c2 destroyed rows of crm.children (note)" in ended.said
    assert site.rows("SELECT id, parent, note FROM crm.children ORDER BY id") == (
        (1, 1, "n1"),
        (2, None, "n2"),
        (3, None, "other"),
        (4, 4, "other"),
        (5, 5, "n5"),
        (6, 6, "n6"),
    )


def test_in_a_circle_of_foreign_keys_no_row_is_passed_over(site: Site) -> None:
    build(
        site,
        """CREATE TABLE crm.teams (id int PRIMARY KEY, lead int);
        CREATE TABLE crm.people (id int PRIMARY KEY, team int REFERENCES crm.teams);
        INSERT INTO crm.teams VALUES (1, 1);
        INSERT INTO crm.people VALUES (1, 1);
        ALTER TABLE crm.teams ADD FOREIGN KEY (lead) REFERENCES crm.people DEFERRABLE INITIALLY DEFERRED;""",
    )
    step(
        site,
        "c2",
        "c1",
        ("DELETE FROM crm.people", "DELETE FROM crm.teams"),
        ("SELECT 1",),
        deletes_rows=True,
    )
    assert site.migrate("all-modules").code == 0
    there = site.picture()
    ended = site.migrate("rollback", "crm", "--to", "c1", "--yes")
    assert ended.code == 3, ended.err
    assert "foreign key constraint" in ended.said
    assert site.picture() == there
    assert site.value("SELECT count(*) FROM migrate.kept WHERE ended IS NULL") == 2


@pytest.mark.parametrize("circle", [False, True])
def test_a_row_whose_place_is_taken_stays_in_the_copy_and_the_others_go_back(
    site: Site, *, circle: bool
) -> None:
    build(
        site,
        """CREATE TABLE crm.seats (id int PRIMARY KEY, seat text UNIQUE, during int4range,
          age int, next int, EXCLUDE USING gist (during WITH &&));
        INSERT INTO crm.seats
          SELECT n, 's' || n, int4range(n * 10, n * 10 + 10), nullif(n - 3, 3) FROM generate_series(1, 6) AS n;
        ALTER TABLE crm.seats ADD CONSTRAINT grown CHECK (age > -2) NOT VALID;
        CREATE TABLE crm.others (id int PRIMARY KEY, seat int REFERENCES crm.seats);
        INSERT INTO crm.others VALUES (1);"""
        + ("ALTER TABLE crm.seats ADD FOREIGN KEY (next) REFERENCES crm.others;" if circle else ""),
    )
    deletes = ("DELETE FROM crm.others", "DELETE FROM crm.seats")
    step(site, "c2", "c1", deletes, ("SELECT 1",), deletes_rows=True)
    assert site.migrate("all-modules", *UNREHEARSED).code == 0
    site.execute(
        "INSERT INTO crm.seats VALUES (20, 's4', '[1000,1001)'), (30, 's30', '[55,56)');"
        "ALTER TABLE crm.seats ADD note text NOT NULL DEFAULT 'x', ALTER age SET DEFAULT 1;"
        "UPDATE crm.seats SET age = 1; ALTER TABLE crm.seats ALTER age SET NOT NULL"
    )
    ended = site.migrate("rollback", "crm", "--to", "c1", *UNREHEARSED)
    assert ended.code == 0, ended.err
    assert (
        "4 rows kept when crm:c2 destroyed rows of crm.seats (age, during, id, next, seat) are refused by NOT NULL,"
        " constraint grown, constraint seats_during_excl, constraint seats_seat_key: id 1; id 4; id 5; id 6"
    ) in ended.said
    assert site.rows("SELECT id FROM crm.seats ORDER BY id") == ((2,), (3,), (20,), (30,))
    name = site.value("SELECT copy FROM migrate.kept WHERE table_name = 'seats'")
    assert site.rows(f"SELECT id FROM migrate.{name} ORDER BY id") == (("1",), ("4",), ("5",), ("6",))
    assert "or refused by a constraint" in " ".join(site.migrate("history", "2").out.split())


def test_values_change_places_under_a_unique_key_where_some_order_of_rows_lets_them(site: Site) -> None:
    build(
        site,
        "CREATE TABLE crm.list (id int PRIMARY KEY, place int UNIQUE);"
        "INSERT INTO crm.list SELECT n, n FROM generate_series(1, 4) AS n; INSERT INTO crm.list VALUES (11, 11), (12, 12)",
    )
    swap = "UPDATE crm.list SET place = {} WHERE id = {}"
    ups = (
        "UPDATE crm.list SET place = -place",
        "UPDATE crm.list SET place = 1 - place WHERE id < 9",
        swap.format(12, 11),
        swap.format(11, 12),
    )
    step(site, "c2", "c1", ups, ("SELECT 1",))
    assert site.migrate("all-modules", *UNREHEARSED).code == 0
    ended = site.migrate("rollback", "crm", "--to", "c1", *UNREHEARSED)
    assert ended.code == 0, ended.err
    # Rows 11 and 12 stand in each other's way.
    assert "2 rows kept when crm:c2 destroyed rows of crm.list (place) are refused by" in ended.said
    assert "constraint list_place_key: id 11; id 12" in ended.said
    assert site.rows("SELECT id, place FROM crm.list ORDER BY id") == (
        *((each, each) for each in range(1, 5)),
        (11, 12),
        (12, 11),
    )


def test_what_cannot_go_back_at_all_says_how_to_go_on_without_it(site: Site) -> None:
    build(site, "CREATE TABLE crm.log (note text); INSERT INTO crm.log VALUES ('short'), ('much too long');")
    narrower = "CREATE TABLE crm.log (note text CHECK (length(note) < 9))"
    step(site, "c2", "c1", ("DROP TABLE crm.log",), (narrower,))
    assert site.migrate("all-modules", *UNREHEARSED).code == 0
    there = site.picture()
    ended = site.migrate("rollback", "crm", "--to", "c1", *UNREHEARSED)
    assert ended.code == 3, ended.err
    assert "crm:c2 failed in the putting back of what it had destroyed" in ended.said
    assert 'violates check constraint "log_note_check"' in ended.said
    assert "`migrate gc --keep 1` erases all that run 1 kept" in ended.said
    assert site.picture() == there
    assert site.migrate("gc", "--keep", "1").code == 0
    ended = site.migrate("rollback", "crm", "--to", "c1", *UNREHEARSED)
    assert ended.code == 0, ended.err
    assert site.value("SELECT count(*) FROM crm.log") == 0
