"""Kept rows that a foreign key does not let back in: they are told and stay in the copy, the others go back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kept.shelf import build, step

if TYPE_CHECKING:
    from tests.failures.site import Site

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
    assert "a foreign key refuses 2 rows kept when crm:c2 destroyed rows of crm.children" in ended.said
    assert "id 1; id 2" in ended.said
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
    assert "a foreign key refuses 2 rows kept when crm:c2 destroyed column crm.children.parent" in ended.said
    assert "id 2; id 3" in ended.said
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
