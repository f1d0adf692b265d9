"""The gate over the pull requests of tests/pull_requests: what is sound is approved, and the rest is blocked for its reason."""

from __future__ import annotations

import os
from contextlib import chdir
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest

from coordinator.cli.main import run
from tests.commands_site import Desk
from tests.gate.counter import Counter
from tests.pull_requests.cases import PULL_REQUESTS
from tests.pull_requests.conftest import branch, erp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pull_requests.cases import PullRequest
    from tests.pull_requests.conftest import Erp

__all__ = ["branch", "erp"]
_ASKED = {"MIGRATE_CHECK_BUDGET": "1000000 rows, 30s"}


def bring_map_up_to_date(root: Path, state: Path) -> None:
    """What an author does before the gate is asked; who is blocked anyway is so with an old map too."""
    variables = {"PATH": os.environ["PATH"], "MIGRATE_STATE_DIR": str(state), "MIGRATE_STAGING": "embedded"}
    with chdir(root), patch.dict(os.environ, variables, clear=True):
        assert run(["map", "write"]) == 0


@pytest.mark.parametrize("case", PULL_REQUESTS, ids=[each.name for each in PULL_REQUESTS])
def test_each_pull_request_comes_to_its_verdict(
    case: PullRequest, branch: Path, erp: Erp, state_directory: Path, tmp_path: Path
) -> None:
    if case.live and not erp.watched:
        pytest.skip("the server's programs come without pg_stat_statements")
    case.lay_on(branch)
    if case.gate == "approved":
        bring_map_up_to_date(branch, state_directory)
    with erp.session() as session:
        for statement in case.live:
            session.execute("SET ROLE reporting")
            session.execute(statement)
    counter = Counter(desk=Desk(root=branch, url=erp.url, state=state_directory), folder=tmp_path / "reports")
    judged = counter.gate(*(("--live",) if case.live else ()), environment=_ASKED)
    assert judged.document["verdict"] == case.gate, judged.texts["text"]
    if case.gate_why:
        failed = {each["check"] for each in judged.document["reasons"]}
        assert case.gate_why in judged.rules | failed, judged.texts["text"]
