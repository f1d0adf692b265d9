"""What a commit of the repository holds of each module's tree, laid out so that it can be run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from coordinator.repository.command import GitError, NoRepositoryError
from coordinator.revisions.reader import read_trees
from coordinator.settings.load import load_settings
from coordinator.settings.values import Flags
from coordinator.workflow.baseline.at_ref import modules_at
from tests.snapshot.firm import revise
from tests.snapshot.test_baselines import commit, git
from tests.trees import project, versions_of

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.settings.values import Settings


def settings_of(root: Path) -> Settings:
    return load_settings(start=root, environment={}, flags=Flags())


def ids(settings: Settings, ref: str, folder: Path) -> dict[str, frozenset[str]]:
    trees = read_trees(modules_at(settings, ref, folder).modules)
    return {tree.module.name: tree.ids for tree in trees}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return project(tmp_path / "firm", modules=("crm",))


def test_a_tree_is_as_it_was_whatever_stands_in_the_folder_now(root: Path, tmp_path: Path) -> None:
    revise(root, "crm", "c1", "SELECT 1")
    (root / "modules" / "crm" / "alembic.ini").write_text("[alembic]\n", encoding="utf-8")
    commit(root)
    revise(root, "crm", "c1", "SELECT 'edited'")
    revise(root, "crm", "c2", "SELECT 2", after="c1")
    settings, laid = settings_of(root), tmp_path / "laid"

    found = modules_at(settings, "main", laid)

    (module,) = found.modules
    assert module.path == laid / "0-crm" / "migrations"
    assert "edited" not in (module.versions / "c1.py").read_text(encoding="utf-8")
    assert (laid / "0-crm" / "alembic.ini").is_file()
    assert module.import_paths == settings.module("crm").import_paths  # helpers stay where they are
    assert ids(settings, "main", tmp_path / "again") == {"crm": frozenset({"c1"})}


def test_a_module_that_was_not_there_has_nothing_in(root: Path, tmp_path: Path) -> None:
    revise(root, "crm", "c1", "SELECT 1")
    commit(root)
    project(root, modules=("crm", "hr"))
    revise(root, "hr", "h1", "SELECT 1")
    commit(root, "two")
    found = modules_at(settings_of(root), "main~1", tmp_path / "laid")
    assert [each.name for each in found.modules] == ["crm"]
    assert found.absent == ("hr",)


def test_a_module_of_another_repository_is_taken_as_it_is_checked_out(root: Path, tmp_path: Path) -> None:
    other = project(tmp_path / "other", modules=("hr",))
    revise(other, "hr", "h1", "SELECT 1")
    commit(other)
    revise(other, "hr", "h2", "SELECT 2", after="h1")
    revise(root, "crm", "c1", "SELECT 1")
    project(root, modules={"crm": {}, "hr": {"path": "../other/modules/hr/migrations"}})
    shutil.rmtree(root / "modules" / "hr")
    commit(root)
    assert ids(settings_of(root), "main", tmp_path / "laid") == {
        "crm": frozenset({"c1"}),
        "hr": frozenset({"h1", "h2"}),
    }


def test_a_link_in_the_repository_leads_nowhere(root: Path, tmp_path: Path) -> None:
    revise(root, "crm", "c1", "SELECT 1")
    (versions_of(root, "crm") / "secret.py").symlink_to("/etc/hostname")
    commit(root)
    found = modules_at(settings_of(root), "main", tmp_path / "laid")
    assert [each.name for each in sorted(found.modules[0].versions.iterdir())] == ["c1.py"]


def test_what_is_no_ref_or_no_repository_is_told(root: Path, tmp_path: Path) -> None:
    revise(root, "crm", "c1", "SELECT 1")
    with pytest.raises(NoRepositoryError):
        modules_at(settings_of(root), "main", tmp_path / "laid")
    commit(root)
    git(root, "tag", "v1")
    assert ids(settings_of(root), "v1", tmp_path / "laid") == {"crm": frozenset({"c1"})}
    for wanted in ("nowhere", "--output=x", ""):
        with pytest.raises(GitError):
            modules_at(settings_of(root), wanted, tmp_path / "never")
    assert not (tmp_path / "never").exists()
