"""`migrate gc`: lists what is left behind, removes it, and finds nothing afterwards."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from coordinator.cli.main import run
from tests.trees import project

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory that a killed initdb left, in a state directory of the test's own.

    What else is left on this machine is none of the test's business.
    """
    monkeypatch.setenv("DOCKER_HOST", "unix:///nonexistent/docker.sock")
    monkeypatch.setattr("coordinator.staging.leftover_scratch.find", lambda: iter(()))
    monkeypatch.setattr("coordinator.staging.leftover_clusters.find_sockets", lambda: iter(()))
    monkeypatch.setenv("MIGRATE_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.chdir(project(tmp_path / "project"))
    directory = tmp_path / "state" / "staging-14"
    directory.mkdir(parents=True)
    for name in ("lock", "users"):
        (directory / name).touch()
    unfinished = directory / "initdb-x"
    unfinished.mkdir()
    return unfinished


def test_leftovers_are_listed_then_removed_then_gone(left: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["gc", "--dry-run"]) == 0
    listed = capsys.readouterr()
    assert listed.err.startswith("state directory: ")
    assert f"would remove: directory {left}" in " ".join(listed.out.split())
    assert left.exists()

    assert run(["gc", "--format", "json"]) == 0
    (removed,) = json.loads(capsys.readouterr().out)["leftovers"]
    assert (removed["name"], removed["removed"]) == (str(left), True)
    assert not left.exists()

    assert run(["gc"]) == 0
    assert "nothing is left behind" in capsys.readouterr().out


def test_what_cannot_be_removed_is_told_with_the_reason(
    left: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> bool:
        raise PermissionError("not yours")

    monkeypatch.setattr("coordinator.workflow.gc.remove", refuse)
    assert run(["gc"]) == 1
    told = capsys.readouterr().out
    assert "not removed: directory" in told
    assert "not yours" in told
    assert left.exists()
