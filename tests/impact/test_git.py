"""What is asked of git, in repositories as people have them: shallow, detached, distrusted, nested, or none at all."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from coordinator.repository import command
from coordinator.repository.command import GitError, NoRepositoryError
from coordinator.repository.git import (
    FileChanges,
    Origin,
    changed_since,
    commit_of,
    default_branch,
    files_at,
    merge_base,
    origin_of,
    toplevel,
    without_credentials,
)

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No settings of this machine's, and nothing that a hook would have set."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.fspath(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", "/dev/null")
    (tmp_path / "gitconfig").write_text(
        '[user]\nname = A\nemail = a@example.org\n[protocol "file"]\nallow = always\n'
    )


def run(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", folder, *words], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def repository(folder: Path, branch: str = "main") -> Path:
    folder.mkdir(parents=True)
    run(folder, "init", "-q", "-b", branch)
    return folder


def commit(folder: Path, files: dict[str, str | None]) -> str:
    for name, text in files.items():
        file = folder / name
        if text is None:
            file.unlink()
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
    run(folder, "add", "-A")
    run(folder, "commit", "-qm", "a commit")
    return run(folder, "rev-parse", "HEAD")


def test_a_branch_began_where_it_left_the_default_branch(tmp_path: Path) -> None:
    top = repository(tmp_path / "erp")
    began = commit(top, {"v/1.py": "1"})
    run(top, "checkout", "-qb", "work")
    commit(top, {"v/2.py": "2"})
    run(top, "checkout", "-q", "main")
    later = commit(top, {"other": "3"})
    run(top, "checkout", "-q", "work")
    assert default_branch(top) == "main"
    assert merge_base(top, None) == began
    assert merge_base(top, "main") == began != later
    assert merge_base(top / "v", "HEAD") == run(top, "rev-parse", "HEAD")
    run(top, "checkout", "-q", "--detach")
    assert merge_base(top, None) == began


def test_the_target_of_a_pull_request_wins_over_the_remote_s_head(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin", "develop")
    commit(origin, {"a": "1"})
    run(origin, "branch", "release")
    run(tmp_path, "clone", "-q", os.fspath(origin), "work")
    work = tmp_path / "work"
    assert default_branch(work) == "origin/develop"
    assert default_branch(work, {"GITHUB_BASE_REF": "release"}) == "origin/release"
    assert default_branch(work, {"GITHUB_BASE_REF": ""}) == "origin/develop"
    with pytest.raises(GitError, match=r"There is no branch 'gone', in .*work\."):
        default_branch(work, {"GITHUB_BASE_REF": "gone"})


def test_what_a_folder_held_and_what_is_another_now(tmp_path: Path) -> None:
    top = repository(tmp_path / "erp")
    began = commit(
        top,
        {
            "m/v/kept.py": "1",
            "m/v/edited.py": "1",
            "m/v/gone.py": "1",
            "m/v/é b.py": "é",
            "other.py": "1",
            "m/vx": "",
        },
    )
    (top / "m" / "v" / "link.py").symlink_to("kept.py")
    run(top, "add", "-A")
    run(top, "commit", "-qm", "a link")
    began = run(top, "rev-parse", "HEAD")
    commit(top, {"m/v/committed.py": "2", "other.py": "2"})
    folder = top / "m" / "v"
    (folder / "edited.py").write_text("2")
    (folder / "gone.py").unlink()
    (folder / "new.py").write_text("2")
    (folder / "staged.py").write_text("2")
    run(top, "add", "m/v/staged.py")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_text("")
    assert changed_since(top, began, folder) == FileChanges(
        added=("committed.py", "new.py", "staged.py"), modified=("edited.py",), deleted=("gone.py",)
    )
    held = files_at(top, began, folder)
    assert held == {"edited.py": b"1", "gone.py": b"1", "kept.py": b"1", "é b.py": "é".encode()}
    assert files_at(top, began, top / "not" / "there") == {}
    assert files_at(top, began, top)["m/v/kept.py"] == b"1"


def test_a_file_that_is_ignored_is_there_all_the_same(tmp_path: Path) -> None:
    top = repository(tmp_path / "erp")
    began = commit(top, {".gitignore": "*.py\n"})
    (top / "v").mkdir()
    (top / "v" / "1.py").write_text("1")
    assert changed_since(top, began, top / "v").added == ("1.py",)
    assert changed_since(top, began, top / "v" / "none").added == ()


def test_a_shallow_clone_says_what_to_fetch(tmp_path: Path) -> None:
    origin = repository(tmp_path / "origin")
    commit(origin, {"a": "1"})
    run(origin, "checkout", "-qb", "work")
    commit(origin, {"b": "1"})
    run(origin, "checkout", "-q", "main")
    commit(origin, {"a": "2"})
    url = f"file://{origin}"
    run(tmp_path, "clone", "-q", "--depth", "1", "--no-single-branch", "--branch", "work", url, "both")
    with pytest.raises(
        GitError, match=r"Where this branch left 'origin/main' is not in .*both, which is a shallow"
    ) as one:
        merge_base(tmp_path / "both", None)
    assert "`git fetch --unshallow`" in str(one.value.help)
    assert "fetch-depth: 0" in str(one.value.help)
    run(tmp_path, "clone", "-q", "--depth", "1", "--branch", "work", url, "one")
    run(tmp_path / "one", "branch", "-m", "pull")
    run(tmp_path / "one", "remote", "set-head", "origin", "--delete")
    with pytest.raises(GitError, match=r"There is no branch main or master.*shallow clone") as two:
        merge_base(tmp_path / "one", None)
    assert "git fetch --unshallow origin main" in str(two.value.help)
    with pytest.raises(GitError, match=r"no git ref 'main'.*shallow clone"):
        merge_base(tmp_path / "one", "main")


@pytest.mark.parametrize("ref", ["--output=/tmp/x", "-n", "", " ", "a\nb"])
def test_a_ref_is_never_an_option(tmp_path: Path, ref: str) -> None:
    top = repository(tmp_path / "erp")
    commit(top, {"a": "1"})
    with pytest.raises(GitError, match="cannot be a git ref"):
        commit_of(top, ref)


def test_a_ref_that_does_not_exist_is_told_with_the_nearest(tmp_path: Path) -> None:
    top = repository(tmp_path / "erp")
    with pytest.raises(GitError, match=r"has no commit yet|There is no branch main or master"):
        merge_base(top, None)
    commit(top, {"a": "1"})
    with pytest.raises(GitError, match="no git ref 'mian'") as raised:
        merge_base(top, "mian")
    assert raised.value.help == "Did you mean 'main'?"
    assert raised.value.exit_code == 2


def test_histories_without_a_common_commit(tmp_path: Path) -> None:
    top = repository(tmp_path / "erp")
    commit(top, {"a": "1"})
    run(top, "checkout", "-q", "--orphan", "other")
    commit(top, {"b": "1"})
    with pytest.raises(GitError, match="no commit in common"):
        merge_base(top, "main")


def test_outside_of_git_and_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", os.fspath(tmp_path))
    (tmp_path / "bare").mkdir()
    with pytest.raises(NoRepositoryError, match="is in no git repository") as raised:
        toplevel(tmp_path / "bare")
    assert raised.value.help == "Work in a git repository, or leave out what needs one."
    assert origin_of(tmp_path / "bare") is None
    monkeypatch.setenv("PATH", os.fspath(tmp_path))
    with pytest.raises(NoRepositoryError, match="git is not on the PATH"):
        toplevel(tmp_path / "bare")
    assert origin_of(tmp_path / "bare") is None


def test_a_repository_whose_owner_git_distrusts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    top = repository(tmp_path / "erp")
    commit(top, {"a": "1"})
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for ask in (lambda: merge_base(top, None), lambda: origin_of(top)):
        with pytest.raises(GitError, match="dubious ownership") as raised:
            ask()
        assert f"git config --global --add safe.directory {top}" in str(raised.value.help)
        assert not isinstance(raised.value, NoRepositoryError)


def test_what_a_hook_sets_does_not_change_whose_repository_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = repository(tmp_path / "one"), repository(tmp_path / "two")
    commit(one, {"a": "1"})
    began = commit(two, {"b": "1"})
    monkeypatch.setenv("GIT_DIR", os.fspath(one / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", os.fspath(one / ".git" / "index"))
    assert merge_base(two, "main") == began
    assert files_at(two, began, two) == {"b": b"1"}


def test_a_repository_inside_another_is_its_own(tmp_path: Path) -> None:
    outer = repository(tmp_path / "erp")
    commit(outer, {"a": "1"})
    inner = repository(outer / "modules" / "crm")
    began = commit(inner, {"b": "1"})
    assert toplevel(inner / "not" / "there") == inner
    assert merge_base(inner, None) == began
    with pytest.raises(GitError, match="does not lie in the repository"):
        files_at(inner, began, outer)


def test_an_origin_has_no_credentials_in_it(tmp_path: Path) -> None:
    top = repository(tmp_path / "erp")
    assert origin_of(top) == Origin(remote=None, commit=None, dirty=False)
    made = commit(top, {"m/a": "1"})
    run(top, "remote", "add", "origin", "https://me:s3cret@example.org/erp.git?token=s3cret")
    assert origin_of(top / "m") == Origin(remote="https://example.org/erp.git", commit=made, dirty=False)
    (top / "m" / "b").write_text("")
    (top / "other").mkdir()
    assert origin_of(top / "m") == Origin(remote="https://example.org/erp.git", commit=made, dirty=True)
    run(top, "config", "status.showUntrackedFiles", "no")
    origin = origin_of(top / "m")
    assert origin is not None
    assert origin.dirty is True
    beside = origin_of(top / "other")
    assert beside is not None
    assert beside.dirty is False


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://example.org/a.git", "https://example.org/a.git"),
        ("https://oauth2:tok@en@example.org:8443/a.git#x", "https://example.org:8443/a.git"),
        ("ssh://git:pw@example.org/a", "ssh://example.org/a"),
        ("git@example.org:org/a.git", "example.org:org/a.git"),
        ("/srv/git/a.git", "/srv/git/a.git"),
        ("../a", "../a"),
        ("ssh://git:pw@[host/x", None),
    ],
)
def test_credentials_are_taken_from_every_form_of_a_url(url: str, expected: str | None) -> None:
    assert without_credentials(url) == expected


def test_a_git_that_does_not_answer_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = tmp_path / "bin" / "git"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 5\n")
    slow.chmod(0o755)
    monkeypatch.setenv("PATH", f"{slow.parent}:{os.environ['PATH']}")
    monkeypatch.setattr(command, "_SECONDS", 0.2)
    with pytest.raises(GitError, match="did not answer"):
        toplevel(tmp_path)


def test_a_folder_of_files_that_looks_like_a_repository_runs_nothing(tmp_path: Path) -> None:
    """git takes its settings from such a folder, and settings name programs: a pull request could hold one."""
    top = repository(tmp_path / "top")
    folder = top / "modules" / "crm"
    (folder / "versions").mkdir(parents=True)
    run(tmp_path, "init", "-q", "--bare", str(tmp_path / "bare"))
    for name in ("HEAD", "objects", "refs"):
        (tmp_path / "bare" / name).rename(folder / name)
    witness = tmp_path / "ran"
    (folder / "config").write_text(
        "[core]\nrepositoryformatversion = 0\nbare = false\nworktree = .\n"
        f'[filter "theirs"]\nclean = "touch {witness}; cat"\n'
    )
    (folder / ".gitattributes").write_text("* filter=theirs\n")
    (folder / "versions" / "a.py").write_text("a\n")
    run(folder, "--git-dir=.", "--work-tree=.", "add", "--force", "versions/a.py")
    assert witness.exists()  # this is what it does where it is trusted
    witness.unlink()
    (folder / "versions" / "a.py").write_text("b\n")

    with pytest.raises(GitError, match="looks like a git repository") as caught:
        origin_of(folder)
    assert not witness.exists()
    assert "HEAD, config, objects and refs" in str(caught.value.help)
