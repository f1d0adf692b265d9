"""Which modules a branch touches, so that a waiver that is over blocks nobody else."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from coordinator.execution.project import Project
from coordinator.revisions.reader import read_trees
from coordinator.settings.load import load_settings
from coordinator.settings.values import Flags
from coordinator.workflow.gate.branch import changed_modules
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.workflow.gate.bench import Bench


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Three modules on main, each with a revision, and a branch `work` where the tests write."""
    root = project(tmp_path / "shop", modules=("crm", "billing", "stock"))
    for module in ("crm", "billing", "stock"):
        write_revision(versions_of(root, module), "r1")
    git(root, "init", "-b", "main")
    git(root, "add", ".")
    git(root, "commit", "-m", "all")
    git(root, "checkout", "-b", "work")
    return root


def changed(root: Path) -> frozenset[str] | None:
    settings = load_settings(start=root, environment={}, flags=Flags())
    found = Project(trees=read_trees(settings.modules))
    bench: Any = SimpleNamespace(
        settings=settings,
        request=SimpleNamespace(since="main", environment={}),
        project=found,
        pending=tuple(each.key for tree in found.trees for each in tree.revisions),
    )
    return changed_modules(cast("Bench", bench))


def test_a_branch_touches_the_modules_whose_files_it_changes(repository: Path) -> None:
    write_revision(versions_of(repository, "billing"), "r2", after="r1")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "r2")
    assert changed(repository) == frozenset({"billing"})


def test_and_those_that_its_revisions_say_they_touch(repository: Path) -> None:
    write_revision(versions_of(repository, "billing"), "r2", after="r1", touches=["crm"])
    git(repository, "add", ".")
    git(repository, "commit", "-m", "r2")
    assert changed(repository) == frozenset({"billing", "crm"})


def test_where_the_branch_changes_no_module_all_of_them_count(repository: Path) -> None:
    assert changed(repository) is None
    (repository / "README.md").write_text("x", encoding="utf-8")
    assert changed(repository) is None


def test_outside_of_git_nobody_can_tell(repository: Path) -> None:
    subprocess.run(["rm", "-rf", str(repository / ".git")], check=True)
    assert changed(repository) is None
