"""What one module's step could do to the next one's, and what the target has that no revision made."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site


def _two_modules(site: Site, first: str, second: str) -> None:
    """billing's only revision goes after crm's."""
    project(site.root, modules=("crm", "billing"))
    write_revision(
        versions_of(site.root, "crm"), "c1", upgrade=first, downgrade="op.execute('DROP TABLE crm.t')"
    )
    write_revision(
        versions_of(site.root, "billing"),
        "b1",
        upgrade=second,
        downgrade="op.execute('DROP TABLE billing.invoices')",
        requires=["crm:c1"],
    )


def test_a_search_path_that_a_module_leaves_behind_does_not_reach_the_next(site: Site) -> None:
    _two_modules(
        site,
        "op.execute('CREATE TABLE t (id int)')\nop.execute('SET search_path = public')",
        "op.execute('CREATE TABLE invoices (id int)')",
    )
    done = site.migrate("all-modules")
    assert done.code == 0, done.err
    assert "crm:c1 leaves 'search_path' changed for whoever comes after it; it was put back" in done.said
    assert site.rows("SELECT schemaname, tablename FROM pg_tables WHERE tablename IN ('t', 'invoices') ORDER BY 2") == (
        ("billing", "invoices"),
        ("crm", "t"),
    )  # fmt: skip


def test_a_setting_that_a_module_leaves_behind_does_not_reach_the_next(site: Site) -> None:
    site.execute("CREATE SCHEMA crm; CREATE SCHEMA billing; CREATE TABLE crm.parent (id int PRIMARY KEY)")
    site.execute("CREATE TABLE crm.child (id int REFERENCES crm.parent)")
    _two_modules(
        site,
        "op.execute('CREATE TABLE t (id int)')\nop.execute('SET session_replication_role = replica')\n"
        "op.execute('SET ROLE pg_monitor')",
        "op.execute('CREATE TABLE invoices (id int)')\nop.execute('INSERT INTO crm.child VALUES (1)')",
    )
    before = site.picture()
    failed = site.migrate("all-modules", "--staging", "off")
    assert failed.code == 3, failed.err
    assert "violates foreign key constraint" in failed.said, (
        "triggers or rights stayed off for the next module"
    )
    for setting in ("role", "session_replication_role"):
        assert f"crm:c1 leaves '{setting}' changed for whoever comes after it; it was put back" in failed.said
    assert site.picture() == before


@pytest.mark.parametrize(
    ("statement", "rule", "told"),
    [
        ("CREATE TABLE crm.mine (id int)", "only-own-schemas", "crm.mine"),
        ("DO $$BEGIN EXECUTE 'DROP TABLE crm.t CASCADE'; END$$", "no-view-gone", "crm.v"),
        ("ALTER TABLE crm.t RENAME COLUMN nick TO alias", "functions-resolve", "crm.nick_of"),
    ],
    ids=["object", "cascade", "function"],
)
def test_what_a_step_does_to_another_module_fails_it_and_goes_back(
    site: Site, statement: str, rule: str, told: str
) -> None:
    _two_modules(
        site,
        "op.execute('CREATE TABLE t (id int, nick text)')\nop.execute('CREATE VIEW v AS SELECT id FROM t')\n"
        'op.execute("CREATE FUNCTION nick_of(n int) RETURNS text LANGUAGE sql'
        " AS 'SELECT nick FROM crm.t WHERE id = n'\")",
        f"op.execute('CREATE TABLE invoices (id int)')\nop.execute({statement!r})",
    )
    site.execute("CREATE SCHEMA crm; CREATE SCHEMA billing")
    before = site.picture()
    rehearsed = site.migrate("all-modules")
    assert rehearsed.code == 1, rehearsed.err
    failed = site.migrate("all-modules", "--staging", "off")
    assert failed.code == 3, failed.err
    for ended in (rehearsed, failed):
        assert rule in ended.said
        assert told in ended.said
    assert site.picture() == before


def test_a_view_of_another_module_on_a_column_whose_type_changes_is_told_before_any_write(site: Site) -> None:
    project(site.root, modules=("crm", "billing"))
    crm, billing = versions_of(site.root, "crm"), versions_of(site.root, "billing")
    write_revision(
        crm, "c1",
        upgrade="op.execute('CREATE TABLE crm.t (id int)')", downgrade="op.execute('DROP TABLE crm.t')",
    )  # fmt: skip
    write_revision(
        billing, "b1", requires=["crm:c1"],
        upgrade="op.execute('CREATE VIEW billing.v AS SELECT id FROM crm.t')",
        downgrade="op.execute('DROP VIEW billing.v')",
    )  # fmt: skip
    assert site.migrate("all-modules").code == 0
    write_revision(
        crm, "c2", after="c1",
        upgrade="op.execute('ALTER TABLE crm.t ALTER id TYPE bigint')",
        downgrade="op.execute('ALTER TABLE crm.t ALTER id TYPE int')",
    )  # fmt: skip
    before, runs = site.picture(), site.value("SELECT count(*) FROM migrate.run")
    refused = site.migrate("all-modules")
    assert refused.code == 1, refused.err
    assert "billing.v" in refused.said
    assert "crm:c2" in refused.said
    assert site.picture() == before
    assert site.value("SELECT count(*) FROM migrate.run") == runs


def test_what_somebody_changed_by_hand_is_met_in_the_rehearsal_and_not_on_the_target(site: Site) -> None:
    _two_modules(
        site, "op.execute('CREATE TABLE t (id int)')", "op.execute('CREATE TABLE invoices (id int)')"
    )
    assert site.migrate("all-modules").code == 0
    site.execute("ALTER TABLE crm.t ADD COLUMN nick text")
    write_revision(
        versions_of(site.root, "crm"),
        "c2",
        after="c1",
        upgrade="op.execute('ALTER TABLE t ADD COLUMN nick text')",
        downgrade="op.execute('ALTER TABLE t DROP COLUMN nick')",
    )
    before, runs = site.picture(), site.value("SELECT count(*) FROM migrate.run")
    refused = site.migrate("all-modules")
    assert refused.code == 1, refused.err
    assert 'column "nick" of relation "t" already exists' in refused.said
    assert site.picture() == before
    assert site.value("SELECT count(*) FROM migrate.run") == runs


def test_a_downgrade_that_leaves_a_trace_is_told_by_the_rehearsal_and_never_called_success(
    site: Site,
) -> None:
    _two_modules(
        site,
        "op.execute('CREATE TABLE t (id int)')\nop.execute('CREATE SEQUENCE forgotten')",
        "op.execute('CREATE TABLE invoices (id int)')\nop.execute('SELECT 1 / 0')",
    )
    site.execute("CREATE SCHEMA crm; CREATE SCHEMA billing")
    rehearsed = site.migrate("all-modules", "--atomic", "step")
    assert rehearsed.code == 1, rehearsed.err
    assert "after crm:c1 was taken back, sequence crm.forgotten was not there before" in rehearsed.said
    failed = site.migrate("all-modules", "--staging", "off", "--atomic", "step")
    assert failed.code == 4, failed.err
    assert "everything was reversed, but the database is not as it was" in failed.said
    assert "crm.forgotten" in failed.said


def test_a_long_step_is_not_ended_by_the_roles_own_limits(site: Site) -> None:
    site.execute("CREATE SCHEMA crm; CREATE SCHEMA billing")
    site.execute(f"ALTER DATABASE \"{site.url.parameters['dbname']}\" SET statement_timeout = '300ms'")
    _two_modules(
        site,
        "op.execute('CREATE TABLE t (id int)')\nop.execute('SELECT pg_sleep(1)')",
        "op.execute('CREATE TABLE invoices (id int)')",
    )
    began = time.monotonic()
    done = site.migrate("all-modules", "--staging", "off")
    assert done.code == 0, done.err
    assert time.monotonic() - began > 1
