"""`migrate recover` itself: killed at its own points, after rollbacks that were cut off, and living server processes."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from tests.failures.roles import make_role
from tests.failures.shop import BREAKS, SLEEPER, build_shop, sleeping
from tests.failures.test_rights import ENOUGH
from tests.failures.test_unsettled import BROKEN_WAY_BACK
from tests.recovery.proxy import Cut, Seen
from tests.recovery.test_lone_steps import UNREHEARSED, execute, write
from tests.recovery.test_state_machine import BEGIN, INDEX, NO_INDEX, killed, watched
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

STEP = ("all-modules", "--atomic", "step", "--staging", "off")
ABORT = ("recover", "--abort")
AWAY = {"--abort": Seen(text="COMMIT", count=2), "--resume": Seen(text=BEGIN, count=2)}


def said(ended: Ended) -> str:
    return " ".join(ended.out.split())


def three_modules(site: Site) -> None:
    """crm, billing and agenda are all new: a run makes their schemas and version tables too."""
    project(site.root, modules=("crm", "billing", "agenda"))
    for module, needs in (("crm", []), ("billing", ["crm:r1"]), ("agenda", ["billing:r1"])):
        write_revision(
            versions_of(site.root, module),
            "r1",
            upgrade=f'op.execute("CREATE TABLE {module}.t (a int)")',
            downgrade=f'op.execute("DROP TABLE {module}.t")',
            requires=needs,
        )


@pytest.mark.parametrize(("text", "point"), [(BEGIN, 1), ("COMMIT", 1), ("COMMIT", 2), ("COMMIT", 3)])
def test_a_recovery_that_is_killed_anywhere_is_taken_up_by_the_next(
    site: Site, text: str, point: int
) -> None:
    """The run is cut off in its third segment; the recovery has two reversals, then drops what was made for modules."""
    three_modules(site)
    before = site.picture()
    killed(site, "COMMIT", 3, *STEP)
    killed(site, text, point, *ABORT)
    refused = site.migrate(*STEP)
    assert refused.code == 4, refused.err
    assert "`migrate recover" in refused.said

    again = site.migrate(*ABORT)
    assert again.code == 0, again.err
    assert site.picture() == before
    assert not site.value(
        "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname IN ('crm', 'billing', 'agenda'))"
    )
    assert site.value("SELECT count(*) FROM migrate.run WHERE status IN ('running', 'unsettled')") == 0
    assert "nothing is unsettled" in site.migrate(*ABORT).out
    assert site.migrate(*STEP).code == 0


def test_what_is_in_a_schema_that_the_run_made_keeps_it(site: Site) -> None:
    three_modules(site)
    killed(site, "COMMIT", 3, *STEP)
    site.execute("CREATE TABLE crm.somebodys (a int)")
    ended = site.migrate(*ABORT)
    assert ended.code == 0, ended.err
    assert "schema crm, table crm.alembic_version, made for module 'crm' by the run, stays" in said(ended)
    assert site.value("SELECT to_regclass('crm.somebodys') IS NOT NULL")
    assert not site.value("SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'billing')")


def test_it_says_what_is_in_what_is_not_and_which_command_goes_on(site: Site) -> None:
    three_modules(site)
    killed(site, "COMMIT", 3, *STEP)
    explained = site.migrate("recover")
    lines = [" ".join(line.split()) for line in explained.out.splitlines()]
    assert explained.code == 4
    assert "in crm:r1, billing:r1" in lines
    assert "not in agenda:r1" in lines
    assert "next: `migrate all-modules` goes on from there by itself" in lines
    assert max(len(line) for line in explained.out.splitlines()) <= 80
    assert json.loads(site.migrate("recover", "--format", "json").out)["runs"][0]["notIn"] == ["agenda:r1"]


def test_what_another_modules_revision_requires_is_not_taken_back_beneath_it(site: Site) -> None:
    """Plain Alembic, which knows nothing of that, applied it after the cut."""
    three_modules(site)
    killed(site, "COMMIT", 3, *STEP)
    site.execute(
        "CREATE SCHEMA agenda; CREATE TABLE agenda.t (a int);"
        "CREATE TABLE agenda.alembic_version (version_num varchar(32) PRIMARY KEY);"
        "INSERT INTO agenda.alembic_version VALUES ('r1')"
    )
    before = site.picture()
    refused = site.migrate(*ABORT)
    assert refused.code == 4, refused.err
    assert "billing:r1 cannot be taken back: agenda:r1 stands on it and came in otherwise" in refused.said
    assert "take agenda:r1 back first, or keep what is in with `migrate recover --resume`" in refused.said
    assert site.picture() == before
    site.execute("DROP TABLE agenda.t; DELETE FROM agenda.alembic_version")
    ended = site.migrate(*ABORT)
    assert ended.code == 0, ended.err


def test_what_plain_alembic_took_back_is_not_in_and_not_taken_back_again(site: Site) -> None:
    """By its version table: the ledger knows nothing of it."""
    write(site, (execute("ALTER TABLE t ADD COLUMN c int"),), (execute("ALTER TABLE t DROP COLUMN c"),))
    write(site, (execute("SELECT 1"),), (execute("SELECT 1"),), "a2", after="a1")
    killed(site, "COMMIT", 2, *STEP)
    site.execute("ALTER TABLE crm.t DROP COLUMN c; DELETE FROM crm.alembic_version")
    explained = site.migrate("recover")
    assert explained.code == 4, explained.err
    assert "in nothing not in crm:a1, crm:a2" in said(explained)
    ended = site.migrate(*ABORT)
    assert ended.code == 0, ended.err
    assert site.value("SELECT status FROM migrate.run WHERE number = 1") == "reversed"
    again = site.migrate(*STEP)
    assert again.code == 0, again.err
    assert site.value("SELECT version_num FROM crm.alembic_version") == "a2"


def test_the_ledger_is_believed_where_the_version_table_holds_what_nobody_knows(site: Site) -> None:
    """Plain Alembic went on from another checkout, so what is in may stand below that."""
    write(site, (execute("ALTER TABLE t ADD COLUMN c int"),), (execute("ALTER TABLE t DROP COLUMN c"),))
    write(site, (execute("SELECT 1"),), (execute("SELECT 1"),), "a2", after="a1")
    killed(site, "COMMIT", 2, *STEP)
    site.execute("UPDATE crm.alembic_version SET version_num = 'x9'")
    explained = site.migrate("recover")
    assert explained.code == 4, explained.err
    assert "in crm:a1 not in crm:a2" in said(explained)
    assert site.migrate(*ABORT).code == 4
    assert site.value(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = 'crm.t'::regclass AND attname = 'c'"
    )


def test_an_abort_whose_connections_are_all_lost_leaves_the_run_to_a_person(site: Site) -> None:
    write(site, (execute("ALTER TABLE t ADD COLUMN c int"),), (execute("SELECT pg_sleep(60)"),))
    write(site, (execute("SELECT 1"),), (execute("SELECT 1"),), "a2", after="a1")
    killed(site, "COMMIT", 2, *STEP)
    with site.running(*ABORT) as process:
        site.await_value(SLEEPER)
        site.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name LIKE 'migrate:%'"
        )
        ended = site.end(process)
    assert ended.code == 4, ended.err
    assert "not everything could be taken back: " in ended.said
    assert site.value("SELECT status FROM migrate.run WHERE number = 1") == "unsettled"
    assert site.migrate(*STEP).code == 4


def test_an_abort_that_cannot_go_on_says_the_way_on_of_what_stopped_it(site: Site) -> None:
    """What is left half done has no downgrade, so no second --abort would get further."""
    write(site, (execute("ALTER TABLE t ADD COLUMN c int"), execute(INDEX, alone=True)), ())
    killed(site, INDEX, 1, *UNREHEARSED)
    ended = site.migrate(*ABORT)
    assert ended.code == 4, ended.err
    assert "not everything could be taken back: crm:a1 was cut off half way" in ended.said
    assert (
        "take back by hand what is left of it, then `migrate recover --resume`; `migrate recover` says what is in"
        in ended.said
    )
    assert "`migrate recover --abort` goes on" not in ended.said


ROLLBACK = ("rollback", "crm", "--to", "base", "--atomic", "step", "--staging", "off", "--yes")


def rolled_back_half(site: Site) -> None:
    """Two revisions of crm are in; a rollback is cut off when one of them is out."""
    write(site, (execute("CREATE TABLE r (a int)"),), (execute("DROP TABLE r"),))
    write(site, (execute("CREATE TABLE s (a int)"),), (execute("DROP TABLE s"),), "a2", after="a1")
    done = site.migrate(*UNREHEARSED)
    assert done.code == 0, done.err
    killed(site, "COMMIT", 2, *ROLLBACK)
    assert site.value("SELECT version_num FROM crm.alembic_version") == "a1"


def test_a_rollback_that_was_cut_off_is_taken_back_by_applying_again(site: Site) -> None:
    rolled_back_half(site)
    explained = site.migrate("recover")
    assert explained.code == 4
    assert "run 2 is cut off (it is a rollback)" in said(explained)
    assert "in crm:a1 not in crm:a2" in said(explained)
    assert "next: `migrate rollback` goes on from there" in said(explained)
    back = site.migrate(*ABORT)
    assert back.code == 0, back.err
    assert site.value("SELECT version_num FROM crm.alembic_version") == "a2"
    assert site.value("SELECT to_regclass('crm.s') IS NOT NULL")
    assert site.value("SELECT count(*) FROM migrate.hold") == 0
    assert site.migrate("all-modules").code == 0


def test_a_rollback_that_was_cut_off_may_be_kept_and_goes_on(site: Site) -> None:
    rolled_back_half(site)
    kept = site.migrate("recover", "--resume")
    assert kept.code == 0, kept.err
    on = site.migrate(*ROLLBACK)
    assert on.code == 0, on.err
    assert site.value("SELECT to_regclass('crm.r') IS NULL AND to_regclass('crm.s') IS NULL")


def test_a_rollback_that_was_killed_in_a_concurrent_drop_is_brought_back(site: Site) -> None:
    write(
        site,
        (execute(INDEX, alone=True), execute("CREATE INDEX CONCURRENTLY iy ON t (a)", alone=True)),
        (execute("DROP INDEX CONCURRENTLY crm.iy", alone=True), execute(NO_INDEX, alone=True)),
    )
    assert site.migrate(*UNREHEARSED).code == 0
    before = site.picture()
    killed(site, NO_INDEX, 1, *ROLLBACK)
    assert site.migrate(*UNREHEARSED).code == 4
    explained = site.migrate("recover")
    assert "half done crm:a1 in its downgrade(): index 'crm.ix' of it is there" in said(explained)
    back = site.migrate(*ABORT)
    assert back.code == 0, back.err
    assert site.picture() == before


def test_a_living_server_process_is_named_and_ended_only_on_request(site: Site) -> None:
    three_modules(site)
    killed(site, "COMMIT", 3, *STEP)
    with site.session() as living, site.session() as other:
        living.execute("SET application_name = 'migrate:1 gone main'")
        other.execute("SET application_name = 'migrate:12 gone main'")
        living.execute("BEGIN; SELECT 'a secret value', 4711, $$a secret too$$")
        explained = site.migrate("recover")
        assert f"server process {living.pid_when_open} (run 1 on gone, main, for " in said(explained)
        assert "query" in said(explained)
        assert not any(each in explained.out for each in ("secret", "4711"))
        assert "next: `migrate recover --end-backend`" in said(explained)
        refused = site.migrate(*ABORT)
        assert refused.code == 4, refused.err
        assert f"server process {living.pid_when_open} (" in refused.said

        ended = site.migrate("recover", "--end-backend")
        assert ended.code == 4, ended.err
        assert "in crm:r1, billing:r1" in said(ended)
        there = site.rows(
            f"SELECT pid FROM pg_stat_activity WHERE pid IN ({living.pid_when_open}, {other.pid_when_open})"
        )
        assert there == ((other.pid_when_open,),)
    assert site.migrate(*ABORT).code == 0


def test_the_server_ends_what_it_does_for_a_client_that_is_gone(site: Site) -> None:
    build_shop(site, ("billing", sleeping(30.0)))
    with site.running("all-modules", "--staging", "off") as process:
        site.await_value(SLEEPER)
        began = time.monotonic()
        process.kill()
        process.communicate()
        site.await_value(f"SELECT NOT EXISTS ({SLEEPER})", seconds=20.0)
    assert time.monotonic() - began < 15.0
    with connect(site.url, application_name="test") as one:
        interval = one.execute("SHOW client_connection_check_interval").fetchone()
    assert interval == ("2s",)


READS = (
    "GRANT USAGE ON SCHEMA migrate TO {role}",
    "GRANT SELECT ON ALL TABLES IN SCHEMA migrate TO {role}",
)


@pytest.mark.parametrize("rights", [(), READS], ids=["none", "reads"])
def test_a_role_without_rights_on_the_ledger_is_told_which_it_lacks(
    site: Site, role: str, rights: tuple[str, ...]
) -> None:
    build_shop(site, ("crm", BROKEN_WAY_BACK), ("billing", BREAKS["billing", "rows"]))
    assert site.migrate(*STEP).code == 4
    url = make_role(site, role, *ENOUGH, *rights)
    for how in ("--abort", "--resume"):
        refused = site.migrate("recover", how, url=url)
        assert refused.code == 6, refused.err
        assert "permission denied for " in refused.said
        assert "`migrate check --rights` prints the GRANT statements; no module was touched" in refused.said
    assert site.rows("SELECT number, status FROM migrate.run") == ((1, "unsettled"),)


def test_what_a_cut_off_resume_has_written_down_is_taken_back_with_its_run(site: Site) -> None:
    """All of the step was there, so it is said to be in; then the resume is killed before its run is settled."""
    write(site, (execute(INDEX, alone=True),), (execute(NO_INDEX, alone=True),))
    before = site.picture()
    killed(site, "COMMIT", 2, *UNREHEARSED)
    with site.session() as other, site.running("recover", "--resume") as process:
        other.execute("BEGIN; SELECT FROM migrate.run WHERE number = 1 FOR NO KEY UPDATE")
        waiting = (
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE 'UPDATE migrate.run%'"
        )
        pid = site.await_value(waiting)
        process.kill()
        process.communicate()
        site.execute(f"SELECT pg_terminate_backend({pid}, 10000)")
        other.execute("ROLLBACK")
    assert "in crm:a1" in said(site.migrate("recover"))
    ended = site.migrate(*ABORT)
    assert ended.code == 0, ended.err
    assert site.picture() == before
    assert "crm 0/1" in " ".join(site.migrate("status").out.split())


@pytest.mark.parametrize("how", ["--abort", "--resume"])
def test_a_server_that_stays_away_after_something_was_committed_is_not_called_untouched(
    site: Site, how: str
) -> None:
    if how == "--abort":
        three_modules(site)
        killed(site, "COMMIT", 3, *STEP)
    else:
        column = execute("ALTER TABLE t ADD COLUMN c int")
        drops = (execute(NO_INDEX, alone=True), execute("ALTER TABLE t DROP COLUMN c"))
        write(site, (column, execute(INDEX, alone=True)), drops)
        killed(site, "COMMIT", 2, *UNREHEARSED)
    cut = watched(site, lambda seen: Cut.FOR_GOOD if seen == AWAY[how] else None, "recover", how)
    assert cut.code == 4, cut.err
    assert "nothing was touched" not in cut.said
    assert "migrate recover" in cut.said
    again = site.migrate("recover", how)
    assert again.code == 0, again.err
    assert "nothing is unsettled" in site.migrate("recover").out
