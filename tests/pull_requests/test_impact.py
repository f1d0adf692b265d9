"""Every seeded pull request: its verdict, exactly its consumers and their places; from files, a database, a snapshot."""

from __future__ import annotations

import os
from contextlib import chdir
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coordinator.model.impact import ConsumerKind, ImpactReport, Verdict
from coordinator.postgres.url import as_words
from coordinator.settings.load import load_settings
from coordinator.settings.values import Flags
from coordinator.workflow.impact.opening import Wish, impact
from tests.failures.site import Site
from tests.pull_requests.cases import (
    PULL_REQUESTS,
    READ_BY_A_BODY,
    RETYPE_UNDER_A_KEY,
    SHIP_TOGETHER,
    At,
    PullRequest,
    Told,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pull_requests.conftest import Erp

WITHOUT_LIVE = [each for each in PULL_REQUESTS if not each.live]
BY_SNAPSHOT = [READ_BY_A_BODY, RETYPE_UNDER_A_KEY, SHIP_TOGETHER]  # a view, a body and a key are in it
names = pytest.mark.parametrize("case", PULL_REQUESTS, ids=[each.name for each in PULL_REQUESTS])


def ask(root: Path, case: PullRequest, wish: Wish, url: str | None = None) -> ImpactReport:
    """Lay the pull request on the branch and ask for its impact."""
    case.lay_on(root)
    flags = Flags(database_url=url) if url else Flags()
    with chdir(root):
        settings = load_settings(start=root, environment={"PATH": os.environ["PATH"]}, flags=flags)
        return impact(settings, case.module, wish, lambda _: None)


def told(report: ImpactReport) -> set[Told]:
    return {
        Told(each.verdict, each.kind.value, each.name, each.place)
        for change in report.changes
        for each in change.consumers
    }


def expected(root: Path, case: PullRequest) -> set[Told]:
    return {replace(each, at=each.at.place(root)) if isinstance(each.at, At) else each for each in case.found}


def check(root: Path, case: PullRequest, report: ImpactReport) -> None:
    assert told(report) == expected(root, case)
    assert report.verdict is case.verdict
    assert tuple(str(each.revision) for each in report.ship_first) == case.ship_first
    assert tuple(each.module for each in report.owners) == case.owners


@pytest.mark.parametrize("case", WITHOUT_LIVE, ids=[each.name for each in WITHOUT_LIVE])
def test_from_the_files_alone(branch: Path, case: PullRequest) -> None:
    report = ask(branch, case, Wish(offline=True))
    check(branch, case, report)
    assert "no database was asked" in report.not_known[0]


@names
def test_compared_with_a_database(branch: Path, case: PullRequest, erp: Erp) -> None:
    live = bool(case.live)
    if live:
        if not erp.watched:
            pytest.skip("the server's programs come without pg_stat_statements")
        with erp.session() as session:
            session.execute("SELECT pg_stat_statements_reset(); SET ROLE reporting")
            for statement in case.live:
                session.execute(statement)
    report = ask(branch, case, Wish(live=live), as_words(erp.url.parameters))
    if live:
        statements = [
            each
            for change in report.changes
            for each in change.consumers
            if each.kind is ConsumerKind.STATEMENT
        ]
        assert [(each.verdict, each.role, each.calls, each.place) for each in statements] == [
            (Verdict.BREAKS, "reporting", 1, "db: pg_stat_statements")
        ]
        assert "WHERE position = $1" in statements[0].name
        assert report.verdict is case.verdict
        return
    check(branch, case, report)
    assert report.not_known == ()


@pytest.fixture(scope="session")
def snapshot(erp: Erp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A snapshot of the applied sample."""
    from tests.pull_requests.conftest import copy_sample

    root = copy_sample(tmp_path_factory.mktemp("snapshot") / "project")
    file = root.parent / "nexus.snapshot"
    ended = Site(root=root, url=erp.url, state=root.parent / "state").migrate(
        "snapshot", "--output", str(file)
    )
    assert ended.code == 0, ended.err
    return file


@pytest.mark.parametrize("case", BY_SNAPSHOT, ids=[each.name for each in BY_SNAPSHOT])
def test_compared_with_a_snapshot(branch: Path, case: PullRequest, snapshot: Path) -> None:
    report = ask(branch, case, Wish(snapshot=snapshot))
    check(branch, case, report)
    assert report.baseline.startswith("snapshot")
