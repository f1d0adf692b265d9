"""A run was cut off, and a start comes next that does not do its rest: it does not give up what was promised of the run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from coordinator.ledger.schema import VERSION
from tests.commands_site import Desk
from tests.failures.roles import make_role
from tests.recovery.proxy import Cut, CuttingProxy, Seen
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping
    from pathlib import Path

    from tests.failures.site import Ended, Site

DEPLOY = ("all-modules", "--yes", "--staging", "off")
BY_STEP = (*DEPLOY, "--atomic", "step")
PROMISE = "run 2 was cut off after crm:c2, and not all of its plan is known to be carried out"


@dataclass(frozen=True, slots=True)
class Start:
    """What is started beside the cut off run: with these revisions at most, or with these words."""

    revisions: Mapping[str, tuple[str, ...]]
    words: tuple[str, ...] = DEPLOY


NEW = {"crm": ("c1", "c2"), "billing": ("b1", "b2")}
STARTS = {
    "an older image": Start({"crm": ("c1",), "billing": ("b1",)}),
    "one module": Start(NEW, (*DEPLOY, "--module", "crm")),
    "an image of that module": Start({"crm": ("c1", "c2")}),
    "an image of another module": Start({"agenda": ("a1",)}),
}


def build(
    root: Path, revisions: Mapping[str, tuple[str, ...]], *, last: str = "SELECT 1", of: str = "b2"
) -> None:
    """A checkout: every revision adds a table, and the one of that id does what `last` says besides.

    billing:b2 requires crm:c2.
    """
    project(root, modules=tuple(revisions))
    for module, names in revisions.items():
        for name, before in zip(names, (None, *names), strict=False):
            body = f"op.execute('CREATE TABLE {module}.{name} (id int)')"
            write_revision(
                versions_of(root, module),
                name,
                after=before,
                upgrade=f"{body}\nop.execute({last!r})" if name == of else body,
                downgrade=f"op.execute('DROP TABLE {module}.{name}')",
                requires=["crm:c2"] if name == "b2" else [],
            )


def killed_at_commit(site: Site, number: int, *words: str, cut: Cut = Cut.BEFORE) -> None:
    """Start it and kill it when it sends that COMMIT; with Cut.AFTER the server gets it."""
    started: list[subprocess.Popen[str]] = []

    def look(seen: Seen) -> Cut | None:
        if seen != Seen(text="COMMIT", count=number):
            return None
        started[0].kill()
        return cut

    with CuttingProxy(site.url, look) as proxy:
        started.append(site.start(*words, url=proxy.address))
        assert site.end(started[0]).code == -9
    site.await_value(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'migrate:%')"
    )


def deployed(site: Site) -> None:
    """Every module has its first revision in, by run 1."""
    build(site.root, {"crm": ("c1",), "billing": ("b1",), "agenda": ("a1",)})
    assert site.migrate(*DEPLOY).code == 0


def status(site: Site, run: int = 2) -> str:
    return str(site.value(f"SELECT status FROM migrate.run WHERE number = {run}"))


def other(site: Site, name: str) -> tuple[Site, Start]:
    """A checkout for that start, on the same database."""
    start = STARTS[name]
    elsewhere = replace(site, root=site.root.parent / "other")
    build(elsewhere.root, start.revisions)
    return elsewhere, start


def assert_left(ended: Ended) -> None:
    """It had nothing to do, said so, and named the run and the command that explains it."""
    assert ended.code == 0, ended.err
    assert "nothing to do" in ended.said
    assert PROMISE in ended.said
    assert "`migrate recover`" in ended.said


@pytest.mark.parametrize("name", STARTS)
def test_the_run_keeps_its_promise_and_its_way_back(site: Site, name: str) -> None:
    deployed(site)
    before = site.picture()
    new = replace(site, root=site.root.parent / "new")
    build(new.root, NEW)
    killed_at_commit(new, 2, *BY_STEP)
    elsewhere, start = other(site, name)

    for _ in range(2):  # however often it is started
        assert_left(elsewhere.migrate(*start.words))
    assert status(site) == "running"
    build(new.root, NEW, last="SELECT 1 / 0")
    failed = new.migrate(*BY_STEP)
    aborted = new.migrate("recover", "--abort")

    assert failed.code == 4, failed.err
    assert "run 2, cut off after crm:c2, is still in" in failed.said
    assert "`migrate recover --abort`" in failed.said
    assert aborted.code == 0, aborted.err
    assert status(site) == "reversed"
    assert site.picture() == before


@pytest.mark.parametrize("words", [BY_STEP, DEPLOY], ids=["by step", "one transaction"])
def test_a_run_that_was_cut_off_after_its_last_commit_is_over_for_everybody(
    site: Site, words: tuple[str, ...]
) -> None:
    deployed(site)
    new = replace(site, root=site.root.parent / "new")
    build(new.root, NEW)
    killed_at_commit(new, 2 if words is BY_STEP else 1, *words, cut=Cut.AFTER)
    assert status(site) == "running"
    elsewhere, start = other(site, "an image of another module")

    ended = elsewhere.migrate(*start.words)

    assert ended.code == 0, ended.err
    assert "run 2" not in ended.said
    assert status(site) == "settled"


def test_a_run_of_which_nothing_is_in_is_over_for_everybody(site: Site) -> None:
    deployed(site)
    new = replace(site, root=site.root.parent / "new")
    build(new.root, NEW)
    killed_at_commit(new, 1, *BY_STEP)
    elsewhere, start = other(site, "an older image")

    ended = elsewhere.migrate(*start.words)

    assert ended.code == 0, ended.err
    assert "run 2" not in ended.said
    assert status(site) == "reversed"


def test_a_person_may_keep_what_is_in(site: Site) -> None:
    deployed(site)
    new = replace(site, root=site.root.parent / "new")
    build(new.root, NEW)
    killed_at_commit(new, 2, *BY_STEP)
    elsewhere, start = other(site, "an older image")
    assert_left(elsewhere.migrate(*start.words))

    kept = elsewhere.migrate("recover", "--resume")
    again = elsewhere.migrate(*start.words)

    assert kept.code == 0, kept.err
    assert status(site) == "settled"
    assert again.code == 0, again.err
    assert "run 2" not in again.said


def test_a_rollback_that_was_cut_off_is_left_as_it_is_too(site: Site) -> None:
    deployed(site)
    new = replace(site, root=site.root.parent / "new")
    build(new.root, NEW)
    assert new.migrate(*DEPLOY).code == 0
    killed_at_commit(new, 2, "rollback", "--run", "2", "--yes", "--atomic", "step", "--staging", "off")
    elsewhere, start = other(site, "an older image")

    left = elsewhere.migrate(*start.words)
    put_back = new.migrate("recover", "--abort")

    assert left.code == 0, left.err
    assert "run 3 was cut off after billing:b2, and not all of its plan is known" in left.said
    assert put_back.code == 0, put_back.err
    assert new.value("SELECT to_regclass('billing.b2') IS NOT NULL") is True
    assert status(site, 3) == "reversed"


# What is started has something pending, and not what is left of the cut off run.
UNRELATED = {
    "an image of another module": Start({"agenda": ("a1", "a2")}),
    "that module alone": Start({**NEW, "agenda": ("a1", "a2")}, (*DEPLOY, "--module", "agenda")),
    "an older image with a mend": Start({"crm": ("c1",), "billing": ("b1",), "agenda": ("a1", "a2")}),
}


def cut_off(site: Site) -> Desk:
    """Run 2 is killed after crm:c2, before billing:b2; the checkout that it was started from."""
    deployed(site)
    new = replace(site, root=site.root.parent / "new")
    build(new.root, NEW)
    killed_at_commit(new, 2, *BY_STEP)
    return Desk(root=new.root, url=site.url, state=site.state)


@pytest.mark.parametrize("name", UNRELATED)
def test_a_start_that_does_something_else_leaves_it_open(site: Site, name: str) -> None:
    new = cut_off(site)
    start = UNRELATED[name]
    elsewhere = Desk(root=site.root.parent / "other", url=site.url, state=site.state)

    build(elsewhere.root, start.revisions, last="SELECT 1 / 0", of="a2")
    failed = elsewhere.migrate(*start.words)
    assert failed.code == 3, failed.err
    assert status(site) == "running"
    again = elsewhere.migrate(*start.words)
    assert again.code == 3, again.err
    assert "run 3 tried the same plan" in again.said
    build(elsewhere.root, start.revisions)
    ended = elsewhere.migrate(*start.words)
    assert ended.code == 0, ended.err
    assert PROMISE in ended.said
    assert site.value("SELECT to_regclass('agenda.a2') IS NOT NULL") is True
    assert status(site) == "running"

    if name == "an image of another module":
        aborted = new.migrate("recover", "--abort")
        assert aborted.code == 0, aborted.err
        assert status(site) == "reversed"
        assert site.value("SELECT to_regclass('crm.c2') IS NULL") is True
    else:
        gone_on = new.migrate(*BY_STEP)
        assert gone_on.code == 0, gone_on.err
        assert status(site) == "settled"
    assert site.value("SELECT to_regclass('agenda.a2') IS NOT NULL") is True


def test_a_rollback_of_it_that_fails_says_that_it_is_settled_and_the_same_one_begins_anew(site: Site) -> None:
    new = cut_off(site)
    site.execute(
        "CREATE FUNCTION public.never() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$;"
        "CREATE EVENT TRIGGER never ON sql_drop EXECUTE FUNCTION public.never()"
    )
    back = ("rollback", "--run", "2", "--yes", "--staging", "off")

    failed = new.migrate(*back)

    assert failed.code == 3, failed.err
    assert (
        "run 2, cut off after crm:c2, is settled: what was in of it is in again, and the same `migrate rollback` begins"
        in failed.said
    )
    assert site.value("SELECT status || ': ' || error FROM migrate.run WHERE number = 2") == (
        "settled: cut off after crm:c2; a rollback began to take out what was in"
    )
    assert site.value("SELECT to_regclass('crm.c2') IS NOT NULL") is True
    site.execute("DROP EVENT TRIGGER never")
    again = new.migrate(*back)
    assert again.code == 0, again.err
    assert site.value("SELECT to_regclass('crm.c2') IS NULL") is True
    assert new.migrate("release", "--all").code == 0
    forward = new.migrate(*BY_STEP)
    assert forward.code == 0, forward.err
    assert site.value("SELECT to_regclass('crm.c2') IS NOT NULL") is True


def test_what_requires_a_step_of_it_that_came_in_meanwhile_is_not_left_without(site: Site) -> None:
    new = cut_off(site)
    elsewhere = Desk(root=site.root.parent / "other", url=site.url, state=site.state)
    build(elsewhere.root, {"agenda": ("a1",)})
    write_revision(versions_of(elsewhere.root, "agenda"), "a2", after="a1", requires=["crm:c2"])
    assert elsewhere.migrate(*DEPLOY).code == 0

    refused = new.migrate("recover", "--abort")

    assert refused.code == 4, refused.err
    assert "crm:c2 cannot be taken back: agenda:a2 stands on it" in refused.said
    assert site.value("SELECT to_regclass('crm.c2') IS NOT NULL") is True
    assert status(site) == "running"


def test_a_start_that_may_not_write_starts_all_the_same(site: Site, role: str) -> None:
    cut_off(site)
    _, start = other(site, "an older image")
    elsewhere = Desk(root=site.root.parent / "other", url=site.url, state=site.state)
    schemas = "migrate, crm, billing, agenda"
    reader = make_role(
        site,
        role,
        f"GRANT USAGE ON SCHEMA {schemas} TO {{role}}",
        f"GRANT SELECT ON ALL TABLES IN SCHEMA {schemas} TO {{role}}",
    )

    assert_left(elsewhere.migrate(*start.words, url=reader))
    assert status(site) == "running"


@pytest.mark.parametrize("why", ["a newer ledger", "no certificate"])
def test_what_would_be_refused_if_something_were_pending_is_no_reason_against_a_start(
    site: Site, why: str
) -> None:
    cut_off(site)
    _, start = other(site, "an older image")
    elsewhere = Desk(root=site.root.parent / "other", url=site.url, state=site.state)
    words: tuple[str, ...] = start.words
    if why == "a newer ledger":
        site.execute(f"INSERT INTO migrate.version (number) VALUES ({VERSION + 1})")
    else:
        settings = elsewhere.root / "pyproject.toml"
        text = settings.read_text(encoding="utf-8").replace(
            'target = "embedded"\n', 'target = "embedded"\nrequire_certificate = true\n'
        )
        settings.write_text(text, encoding="utf-8")
        words = ("all-modules", "--yes")

    assert_left(elsewhere.migrate(*words))
    assert status(site) == "running"


def test_it_is_over_with_the_run_that_went_on_also_when_the_ledgers_connection_was_lost_meanwhile(
    site: Site,
) -> None:
    new = cut_off(site)
    # The first of these connections is idle while the run that goes on from there is at work.
    last = (
        "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'migrate:ledger%' ORDER BY backend_start LIMIT 1) AS first"
    )
    build(new.root, NEW, last=last)

    ended = new.migrate(*BY_STEP)

    assert ended.code == 0, ended.err
    assert status(site) == "settled"
    assert status(site, 3) == "applied"


def test_what_plain_alembic_has_brought_in_of_its_rest_is_done(site: Site) -> None:
    new = cut_off(site)
    site.execute("CREATE TABLE billing.b2 (id int); UPDATE billing.alembic_version SET version_num = 'b2'")

    ended = new.migrate(*DEPLOY)

    assert ended.code == 0, ended.err
    assert "run 2" not in ended.said
    assert status(site) == "settled"


def test_what_cannot_be_settled_after_everything_is_in_is_no_failure_and_left_to_the_next_start(
    site: Site, role: str
) -> None:
    new = cut_off(site)
    deployer = make_role(site, role, "ALTER ROLE {role} SUPERUSER")
    # The first of these connections is idle while the run that goes on is at work, and is not to be had again then.
    last = (
        "SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name LIKE 'migrate:ledger%' ORDER BY backend_start LIMIT 1) AS first;"
        f"ALTER TABLE billing.b2 OWNER TO {site.value('SELECT current_user')}; ALTER ROLE {role} NOLOGIN"
    )
    build(new.root, NEW, last=last)

    ended = new.migrate(*BY_STEP, url=deployer)
    assert ended.code == 0, ended.err
    assert status(site, 3) == "applied"
    assert status(site) == "running"
    again = new.migrate(*BY_STEP)

    assert again.code == 0, again.err
    assert status(site) == "settled"


def test_a_rollback_decides_about_it_only_where_all_that_is_in_of_it_goes_and_nothing_refuses_that(
    site: Site,
) -> None:
    new = cut_off(site)
    write_revision(
        versions_of(new.root, "crm"),
        "c2",
        after="c1",
        upgrade="op.execute('CREATE TABLE crm.c2 (id int)')",
        downgrade="op.execute('DROP TABLE crm.c9')",
    )
    elsewhere = Desk(root=site.root.parent / "other", url=site.url, state=site.state)
    build(elsewhere.root, {"crm": ("c1",), "billing": ("b1",), "agenda": ("a1",)})

    for desk, named in ((elsewhere, ("agenda", "--to", "nowhere")), (new, ("--run", "2"))):
        refused = desk.migrate("rollback", *named, "--yes", "--staging", "embedded")
        assert refused.code in (1, 2), refused.err
        assert status(site) == "running"
    something_else = elsewhere.migrate("rollback", "agenda", "--yes", "--staging", "off")
    assert something_else.code == 0, something_else.err
    assert PROMISE in something_else.said
    assert status(site) == "running"

    build(new.root, NEW)
    all_of_it = new.migrate("rollback", "--run", "2", "--yes", "--staging", "off")
    assert all_of_it.code == 0, all_of_it.err
    assert "run 2 was cut off" not in all_of_it.said
    assert site.value("SELECT to_regclass('crm.c2') IS NULL") is True
    assert status(site) == "settled"
