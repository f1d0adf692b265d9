"""`migrate recover` after runs that were cut off or could not be taken back: explains, takes back, settles."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from coordinator.model.catalog import DATABASE_WIDE
from coordinator.postgres.catalog import read_catalog
from tests.commands_site import Desk, add_index, apply, write_shop
from tests.failures.conftest import site, state_directory
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

__all__ = ["site", "state_directory"]


@pytest.fixture
def shop(site: Site) -> Site:
    write_shop(site.root)
    return Desk(root=site.root, url=site.url, state=site.state)


def unsettle(shop: Site) -> None:
    """Leave run 1 with its first step in: the second fails, and the first one's downgrade fails too."""
    crm = versions_of(shop.root, "crm")
    broken = (crm / "c1.py").read_text().replace("DROP TABLE crm.customers", "DROP TABLE crm.nobody")
    (crm / "c1.py").write_text(broken)
    shop.execute("CREATE SCHEMA billing; CREATE TABLE billing.phones (id int)")
    ended = shop.migrate("all-modules", "--yes", "--staging", "off", "--atomic", "step")
    assert ended.code == 4, ended.err
    assert "migrate recover --abort" in ended.said


def mend(shop: Site) -> None:
    crm = versions_of(shop.root, "crm")
    (crm / "c1.py").write_text((crm / "c1.py").read_text().replace("crm.nobody", "crm.customers"))


def told(ended: Ended) -> str:
    return " ".join(ended.out.split())


def test_nothing_is_unsettled(shop: Site) -> None:
    for arguments in ((), ("--abort",), ("--resume",)):
        ended = shop.migrate("recover", *arguments)
        assert ended.code == 0, ended.err
        assert "nothing is unsettled" in ended.out
    assert not shop.has_ledger()


def test_an_unsettled_run_is_explained_without_a_write(shop: Site) -> None:
    unsettle(shop)
    before = shop.picture()
    ended = shop.migrate("recover")
    assert ended.code == 4
    assert "run 1 is unsettled" in told(ended)
    assert " in crm:c1 not in billing:b1" in told(ended) or "in crm:c1" in told(ended)
    assert "next: `migrate recover --abort` takes back what is in (1 step, newest first)" in told(ended)
    report = json.loads(shop.migrate("recover", "--format", "json").out)
    assert report["runs"][0]["stillIn"] == ["crm:c1"]
    assert shop.picture() == before
    assert shop.run_status() == "unsettled"
    assert shop.migrate("status").code == 0
    assert "migrate recover" in shop.migrate("status").out
    assert shop.migrate("plan").code == 1


def test_abort_fails_as_long_as_the_cause_is_not_mended_and_then_takes_everything_back(shop: Site) -> None:
    unsettle(shop)
    stuck = shop.migrate("recover", "--abort")
    assert stuck.code == 4
    assert "crm.nobody" not in stuck.out
    assert "`migrate recover --abort` goes on" in stuck.said
    assert shop.migrate("recover").code == 4
    mend(shop)
    ended = shop.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert "taken back: nothing of run 1 is in" in told(ended)
    assert shop.value("SELECT to_regclass('crm.customers')") is None
    assert shop.value("SELECT to_regnamespace('crm')") is None  # the run had made it
    assert shop.rows("SELECT * FROM migrate.applied") == ()
    assert shop.value("SELECT status FROM migrate.run WHERE number = 1") == "reversed"
    again = shop.migrate("recover", "--abort")
    assert again.code == 0
    assert "nothing is unsettled" in again.out
    shop.execute("DROP TABLE billing.phones")
    apply(shop)


def test_resume_settles_and_the_next_run_goes_on(shop: Site) -> None:
    unsettle(shop)
    ended = shop.migrate("recover", "--resume")
    assert ended.code == 0, ended.err
    assert "settled: run 1 as it is" in told(ended)
    assert shop.value("SELECT status FROM migrate.run WHERE number = 1") == "settled"
    shop.execute("DROP TABLE billing.phones")
    apply(shop)
    assert "nothing is unsettled" in shop.migrate("recover", "--resume").out


def test_what_came_in_together_goes_out_together_or_not_at_all(shop: Site) -> None:
    apply(shop)
    shop.execute("UPDATE migrate.run SET status = 'unsettled', error = 'something differed'")
    crm = versions_of(shop.root, "crm") / "c1.py"
    crm.write_text(crm.read_text().replace("DROP TABLE crm.customers", "DROP TABLE crm.nobody"))
    before = shop.picture()
    assert shop.migrate("recover", "--abort").code == 4
    assert shop.picture() == before
    mend(shop)
    assert shop.migrate("recover", "--abort").code == 0
    assert shop.steps() == (
        "downgrade billing:b1 reversed",
        "downgrade crm:c2 reversed",
        "downgrade crm:c1 reversed",
    )
    assert shop.value("SELECT count(*) FROM migrate.intent WHERE run = 3") == 1
    assert shop.rows("SELECT * FROM migrate.applied") == ()


def test_what_a_later_revision_stands_on_is_not_taken_back(shop: Site) -> None:
    unsettle(shop)
    mend(shop)
    shop.execute(
        "ALTER TABLE crm.customers ADD telefone2 text; UPDATE crm.alembic_version SET version_num = 'c2'"
    )
    before = shop.picture()
    ended = shop.migrate("recover", "--abort")
    assert ended.code == 4
    assert "crm:c1 cannot be taken back: crm:c2 stands on it" in ended.said
    assert shop.picture() == before


def test_a_step_whose_file_is_gone_is_not_taken_back(shop: Site) -> None:
    unsettle(shop)
    for name in ("c1", "c2"):
        (versions_of(shop.root, "crm") / f"{name}.py").unlink()
    write_revision(versions_of(shop.root, "crm"), "z1", upgrade='op.execute("SELECT 1")')
    ended = shop.migrate("recover", "--abort")
    assert ended.code == 4
    assert "crm:c1 cannot be taken back: this checkout has no file of it" in ended.said


def cut_off_index(shop: Site, *, rows: bool, older: bool = False) -> None:
    """Leave the ledger and the database as a kill -9 in the middle of a concurrent build would.

    With `rows` the build failed on the server before the client died, which leaves an invalid index. `older`: a
    program ran it that wrote no checkpoints.
    """
    apply(shop)
    add_index(shop.root)
    if rows:
        shop.execute("INSERT INTO crm.customers VALUES (1, 'Ana'), (2, 'Ana')")
    with shop.session() as session:
        session.execute(
            "INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program, rehearsal, attempt)"
            " VALUES ('apply', 'running', '', '', 'local', 'gone', 1, '0', '', %s)",
            ("" if older else "a" * 64,),
        )
        session.execute(
            "INSERT INTO migrate.intent (run, sequence, token, direction, transactional, steps)"
            " VALUES (2, 1, gen_random_uuid(), 'upgrade', false, ARRAY['crm:c3'])"
        )
        if not older:
            catalog = read_catalog(session, ignore={("crm", "alembic_version")})
            session.execute(
                "INSERT INTO migrate.checkpoint (token, number, fingerprint, sent, texts)"
                " SELECT token, number, fingerprint, sent, texts FROM migrate.intent,"
                " (VALUES (0, %s, NULL, NULL), (1, '', 0, '')) c (number, fingerprint, sent, texts) WHERE run = 2",
                (catalog.in_schemas({"crm", DATABASE_WIDE}).fingerprint,),
            )
        if rows:
            with pytest.raises(Exception, match="could not create unique index"):
                session.execute("CREATE UNIQUE INDEX CONCURRENTLY one_name ON crm.customers (name)")
        else:
            session.execute("CREATE UNIQUE INDEX CONCURRENTLY one_name ON crm.customers (name)")


INVALID = "SELECT count(*) FROM pg_index WHERE NOT indisvalid"


def test_a_cut_off_concurrent_build_is_explained_and_taken_back(shop: Site) -> None:
    cut_off_index(shop, rows=True)
    assert shop.value(INVALID) == 1
    explained = shop.migrate("recover")
    assert explained.code == 4
    assert "run 2 is cut off" in told(explained)
    assert "left invalid: index 'crm.one_name'" in told(explained)
    assert shop.migrate("all-modules", "--yes", "--staging", "off").code == 4
    ended = shop.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert shop.value(INVALID) == 0
    assert shop.value("SELECT to_regclass('crm.one_name')") is None
    assert [each[0] for each in shop.rows("SELECT version_num FROM crm.alembic_version")] == ["c2"]
    assert shop.value("SELECT status FROM migrate.run WHERE number = 2") == "reversed"
    shop.execute("DELETE FROM crm.customers")
    apply(shop)


def test_a_build_that_was_complete_but_not_written_down_is_taken_back_by_its_downgrade(shop: Site) -> None:
    cut_off_index(shop, rows=False)
    explained = shop.migrate("recover")
    assert "index 'crm.one_name' of it is there" in told(explained)
    ended = shop.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert shop.value("SELECT to_regclass('crm.one_name')") is None
    assert [each[0] for each in shop.rows("SELECT version_num FROM crm.alembic_version")] == ["c2"]
    assert shop.rows("SELECT * FROM migrate.applied WHERE revision = 'c3'") == ()
    apply(shop)


def test_a_half_done_index_is_dropped_even_when_its_downgrade_would_fail(shop: Site) -> None:
    cut_off_index(shop, rows=False)
    file = versions_of(shop.root, "crm") / "c3.py"
    file.write_text(
        file.read_text().replace("DROP INDEX CONCURRENTLY crm.one_name", "DROP INDEX CONCURRENTLY crm.no")
    )
    ended = shop.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert shop.value("SELECT to_regclass('crm.one_name')") is None
    assert [each[0] for each in shop.rows("SELECT version_num FROM crm.alembic_version")] == ["c2"]
    assert shop.rows("SELECT * FROM migrate.applied WHERE revision = 'c3'") == ()


def test_resume_drops_invalid_indexes_and_warns_of_what_else_is_there(shop: Site) -> None:
    cut_off_index(shop, rows=True)
    ended = shop.migrate("recover", "--resume")
    assert ended.code == 0, ended.err
    assert shop.value(INVALID) == 0
    assert "half-done" not in ended.out
    shop.execute("DELETE FROM crm.customers")
    apply(shop)


def test_resume_writes_down_a_step_that_was_complete(shop: Site) -> None:
    cut_off_index(shop, rows=False)
    ended = shop.migrate("recover", "--resume")
    assert ended.code == 0, ended.err
    assert "half-done" not in ended.out
    assert [each[0] for each in shop.rows("SELECT version_num FROM crm.alembic_version")] == ["c3"]
    assert shop.migrate("all-modules").code == 0


@pytest.mark.parametrize("how", ["--abort", "--resume"])
def test_of_a_program_that_wrote_no_checkpoint_only_what_is_invalid_is_dropped(shop: Site, how: str) -> None:
    cut_off_index(shop, rows=True, older=True)
    ended = shop.migrate("recover", how)
    assert ended.code == 0, ended.err
    assert shop.value(INVALID) == 0
    assert shop.value("SELECT to_regclass('crm.one_name')") is None


def test_of_a_program_that_wrote_no_checkpoint_nobody_knows_what_was_there_before(shop: Site) -> None:
    cut_off_index(shop, rows=False, older=True)
    refused = shop.migrate("recover", "--abort")
    assert refused.code == 4, refused.err
    assert "an older program ran it, which did not write down what was there before" in refused.said
    assert shop.value("SELECT to_regclass('crm.one_name')") is not None
    shop.execute("DROP INDEX crm.one_name")
    assert shop.migrate("recover", "--abort").code == 0


def cut_off_recovery(shop: Site) -> None:
    """Leave what a kill -9 leaves in the middle of `recover --abort`: run 2 unsettled, the index of c3 dropped,
    and neither the version row nor the ledger told of it."""
    apply(shop)
    add_index(shop.root)
    apply(shop)
    shop.execute("DROP INDEX crm.one_name")
    shop.execute(
        "UPDATE migrate.run SET status = 'unsettled', error = 'crm:c9 failed' WHERE number = 2;"
        " INSERT INTO migrate.run (kind, status, plan, guarantee, environment, host, pid, program, rehearsal)"
        " VALUES ('recover', 'running', '', '', 'local', 'gone', 1, '0', '');"
        " INSERT INTO migrate.intent (run, sequence, token, direction, transactional, steps)"
        " VALUES (3, 1, gen_random_uuid(), 'downgrade', false, ARRAY['crm:c3']);"
        " INSERT INTO migrate.checkpoint (token, number) SELECT token, n FROM migrate.intent, generate_series(0, 1) n"
        " WHERE run = 3"
    )


@pytest.mark.parametrize("how", ["--abort", "--resume"])
def test_a_recovery_that_was_cut_off_itself_is_recovered(shop: Site, how: str) -> None:
    cut_off_recovery(shop)
    explained = shop.migrate("recover")
    assert explained.code == 4
    assert "run 3 is cut off" in told(explained)
    assert "half done crm:c3 in its downgrade(): nothing of it is there" in told(explained)
    ended = shop.migrate("recover", how)
    assert ended.code == 0, ended.err
    assert [each[0] for each in shop.rows("SELECT version_num FROM crm.alembic_version")] == ["c2"]
    assert shop.rows("SELECT * FROM migrate.applied WHERE revision = 'c3'") == ()
    assert shop.migrate("recover").code == 0
    apply(shop)


def test_an_index_that_the_run_did_not_build_is_left_alone(shop: Site) -> None:
    cut_off_index(shop, rows=True)
    shop.execute("CREATE TABLE public.theirs (a int); INSERT INTO public.theirs VALUES (1), (1)")
    with shop.session() as session, pytest.raises(Exception, match="could not create unique index"):
        session.execute("CREATE UNIQUE INDEX CONCURRENTLY somebodys ON public.theirs (a)")
    assert shop.migrate("recover", "--abort").code == 0
    assert shop.value("SELECT to_regclass('public.somebodys')") is not None


def test_a_killed_run_whose_server_process_still_works_is_not_touched(shop: Site) -> None:
    cut_off_index(shop, rows=False)
    with shop.session() as session:
        session.execute("SET application_name = 'migrate:2 gone main'")
        explained = shop.migrate("recover")
        assert "works for it, though its client is gone" in told(explained)
        for arguments in ("--abort", "--resume"):
            ended = shop.migrate("recover", arguments)
            assert ended.code == 4
            assert f"server process {session.pid_when_open} (run 2 on gone, main, for " in ended.said
            assert "is still at work" in ended.said
            assert "`migrate recover --end-backend` ends it" in ended.said


def test_abort_and_resume_wait_for_the_lock(shop: Site) -> None:
    cut_off_index(shop, rows=False)
    with shop.session() as session:
        session.execute("SELECT pg_advisory_lock(%s)", (0x6D696772617465,))
        ended = shop.migrate("recover", "--abort", "--wait", "0s")
    assert ended.code == 5
    assert shop.value("SELECT to_regclass('crm.one_name')") is not None


def test_abort_and_resume_exclude_each_other(shop: Site) -> None:
    assert shop.migrate("recover", "--abort", "--resume").code == 2
