"""Ctrl-C and lost connections at awkward moments: in Python, in a COMMIT, in a rehearsal."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

UNREHEARSED = ("all-modules", "--staging", "off")
_COMMITTING = (
    "SELECT true FROM pg_stat_activity"
    " WHERE datname = current_database() AND query = 'COMMIT' AND state = 'active'"
)
_ANNOUNCED = "SELECT true FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE '%{doing}%'"


def _table(site: Site, revision: str, after: str | None, *, then: str = "") -> None:
    write_revision(
        versions_of(site.root, "crm"),
        revision,
        after=after,
        upgrade=f'op.execute("CREATE TABLE {revision} (a int)"){then}',
        downgrade=f'op.execute("DROP TABLE {revision}")',
    )


def _slow_commits(site: Site) -> None:
    """Let every COMMIT of a segment take two seconds from now on. Needs the ledger."""
    site.execute(
        "CREATE FUNCTION public.slow() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_sleep(2); RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON migrate.outcome DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.slow()"
    )


def test_an_interrupt_while_python_runs_does_not_mix_up_the_worker_that_takes_back(site: Site) -> None:
    project(site.root, modules=("crm",))
    _table(site, "a1", None)
    wait = '\nif op.get_bind().execute(sa.text("SELECT 1")).scalar():\n    import time; time.sleep(60)'
    _table(site, "a2", "a1", then=wait)
    before = site.picture()
    with site.running(*UNREHEARSED, "--atomic", "step") as process:
        site.await_value(_ANNOUNCED.format(doing="crm:a2"))
        site.await_value(
            "SELECT true FROM pg_stat_activity WHERE datname = current_database()"
            " AND query = 'SELECT 1' AND state = 'idle in transaction'"
        )
        process.send_signal(signal.SIGINT)
        ended = site.end(process)
    assert ended.code == 3, ended.err
    assert site.picture() == before
    assert site.steps()[-1] == "downgrade crm:a1 reversed"


def test_an_interrupt_during_the_last_commit_comes_too_late(site: Site) -> None:
    project(site.root, modules=("crm",))
    _table(site, "a1", None)
    assert site.migrate(*UNREHEARSED).code == 0
    _slow_commits(site)
    _table(site, "a2", "a1")
    with site.running(*UNREHEARSED) as process:
        site.await_value(_COMMITTING)
        process.send_signal(signal.SIGINT)
        ended = site.end(process)
    assert ended.code == 0, ended.err
    assert site.run_status() == "applied"
    assert site.value("SELECT version_num FROM crm.alembic_version") == "a2"


def test_an_interrupt_during_an_earlier_commit_takes_that_back_too(site: Site) -> None:
    project(site.root, modules=("crm",))
    _table(site, "a1", None)
    assert site.migrate(*UNREHEARSED).code == 0
    _slow_commits(site)
    _table(site, "a2", "a1")
    _table(site, "a3", "a2")
    before = site.picture()
    with site.running(*UNREHEARSED, "--atomic", "step") as process:
        site.await_value(_COMMITTING)
        process.send_signal(signal.SIGINT)
        ended = site.end(process)
    assert ended.code == 3, ended.err
    assert site.picture() == before
    assert site.run_status() == "reversed"


def test_a_ledger_connection_that_was_lost_is_opened_again(site: Site) -> None:
    project(site.root, modules=("crm",))
    _table(site, "a1", None, then='\nop.execute("SELECT pg_sleep(2)")')
    with site.running(*UNREHEARSED) as process:
        site.await_value(_ANNOUNCED.format(doing="crm:a1"))
        assert site.value(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'migrate:ledger'"
        )
        ended = site.end(process)
    assert ended.code == 0, ended.err
    assert site.run_status() == "applied"


def test_a_connection_that_is_lost_while_rehearsing_touched_nothing(site: Site) -> None:
    project(site.root, modules=("crm",))
    wait = '\nif op.get_bind().execute(sa.text("SELECT 1")).scalar():\n    import time; time.sleep(3)'
    _table(site, "a1", None, then=wait)
    with site.running("all-modules", "--staging", "embedded") as process:
        site.await_value(_ANNOUNCED.format(doing="rehearsing"))
        assert site.value(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'migrate:main'"
        )
        ended = site.end(process)
    assert ended.code == 6, ended.err
    assert not site.has_ledger()
