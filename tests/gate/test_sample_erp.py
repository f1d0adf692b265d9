"""The gate approves a sound pull request over the sample ERP, from each starting point, and certifies what it approves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.certificates.file import read_certificate
from coordinator.model.target import DatabaseUrl
from tests.commands_site import Desk
from tests.failures.site import Site
from tests.gate.counter import Counter
from tests.pull_requests.cases import SAFE_ADDITION
from tests.pull_requests.conftest import branch, copy_sample, erp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pull_requests.conftest import Erp

__all__ = ["branch", "erp"]
_NOWHERE = DatabaseUrl(
    parameters={"host": "127.0.0.1", "port": "1", "user": "x", "password": "geheim", "dbname": "x"}
)


@pytest.fixture
def counter(branch: Path, erp: Erp, state_directory: Path, tmp_path: Path) -> Counter:
    """The gate in front of the sound pull request, which brings the map along."""
    SAFE_ADDITION.lay_on(branch)
    file = branch / "database_map.md"
    head, heading, rest = file.read_text(encoding="utf-8").partition("\n### `lead_sources`\n")
    assert heading
    row = "| `birthday` | `date` | yes |  | yes |  |\n"
    file.write_text(f"{head}{row}{heading}{rest}", encoding="utf-8")
    return Counter(desk=Desk(root=branch, url=erp.url, state=state_directory), folder=tmp_path / "reports")


def test_from_a_live_target_with_a_command_in_each_stage_and_a_certificate(
    counter: Counter, tmp_path: Path
) -> None:
    stages = ("setup", "migrate", "integration", "cross-module", "business", "approval")
    commands = [
        f'--exec={each}=test $MIGRATE_GATE_STAGE = {each} && test -n "$DATABASE_URL"' for each in stages
    ]
    certificate = tmp_path / "certificate.json"
    judged = counter.approved(*commands, "--certificate", str(certificate))
    assert [each["outcome"] for each in judged.document["stages"]] == ["passed"] * 6
    assert judged.document["certificate"] == str(certificate)
    assert read_certificate(certificate).certificate.plan  # its digest is checked while it is read


def test_from_a_snapshot_alone_with_no_database_to_reach(counter: Counter, erp: Erp, tmp_path: Path) -> None:
    root = copy_sample(tmp_path / "production")
    file = tmp_path / "nexus.snapshot"
    made = Site(root=root, url=erp.url, state=counter.desk.state).migrate("snapshot", "--output", str(file))
    assert made.code == 0, made.err
    away = Counter(
        desk=Desk(root=counter.desk.root, url=_NOWHERE, state=counter.desk.state), folder=counter.folder
    )
    judged = away.approved("--baseline", str(file))
    assert judged.document["baseline"]["kind"] == "snapshot"
    assert judged.outcomes["drift"] == "passed"
    assert judged.outcomes["sameness"] == "passed"


def test_from_a_replay_with_no_database_to_reach(counter: Counter) -> None:
    away = Counter(
        desk=Desk(root=counter.desk.root, url=_NOWHERE, state=counter.desk.state), folder=counter.folder
    )
    judged = away.approved("--since", "main")
    assert judged.document["baseline"]["kind"] == "replay"
    assert judged.outcomes["from-empty"] == "passed"
