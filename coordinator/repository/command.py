"""Runs git: read-only, in words that do not depend on the machine's language, and never asking anybody anything."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from coordinator.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_SECONDS = 120
# A hook that runs us names its own repository in these; ours is the one that the folder lies in.
_FOREIGN = frozenset(
    {
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_PREFIX",
        "GIT_OBJECT_DIRECTORY",
        "GIT_ALTERNATE_OBJECT_DIRECTORIES",
        "GIT_COMMON_DIR",
        "GIT_NAMESPACE",
        "GIT_EXTERNAL_DIFF",
    }
)
# A repository's own settings name programs that git runs. Those of the checkout are its owner's; but a folder of authors'
# files may look like a repository too, and its settings would be the authors'.
_TRUSTING_NOBODY = ("-c", "core.fsmonitor=false", "-c", "safe.bareRepository=explicit")


class GitError(UsageError):
    """Git cannot answer as the user asked."""


class NoRepositoryError(GitError):
    """There is no repository to ask: the folder is in none, or the program git is not there."""


def git(folder: Path, *arguments: str, sent: bytes = b"", fine: Iterable[int] = (0,)) -> tuple[int, bytes]:
    """Run `git ARGUMENTS` in that folder; its exit code, one of `fine`, and what it wrote.

    Raises NoRepositoryError and GitError, with git's own words where they are not known better.
    """
    command = ["git", "-C", os.fspath(folder), "--no-pager", *_TRUSTING_NOBODY, *arguments]
    try:
        done = subprocess.run(
            command, input=sent, capture_output=True, timeout=_SECONDS, check=False, env=_environment()
        )
    except (FileNotFoundError, PermissionError) as error:
        raise NoRepositoryError(
            "The program git is not on the PATH.", help="Install git, or leave out what needs a repository."
        ) from error
    except subprocess.TimeoutExpired as error:
        raise GitError(f"git did not answer within {_SECONDS} s in {folder}.") from error
    if done.returncode not in fine:
        raise _failure(folder, done.stderr.decode(errors="replace"))
    return done.returncode, done.stdout


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in _FOREIGN}
    return kept | {"LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0"}


def _failure(folder: Path, said: str) -> GitError:
    if "dubious ownership" in said:
        return GitError(
            f"git does not trust the repository of {folder}: its folder belongs to another user (dubious ownership).",
            help=f"If it is yours to trust: `git config --global --add safe.directory {_distrusted(said, folder)}`",
        )
    if "cannot use bare repository" in said:
        return GitError(
            f"{folder} looks like a git repository without a work tree, and its settings are not to be trusted.",
            help="Take the files HEAD, config, objects and refs out of there.",
        )
    if "not a git repository" in said or "must be run in a work tree" in said:
        return NoRepositoryError(
            f"{folder} is in no git repository.",
            help="Work in a git repository, or leave out what needs one.",
        )
    words = " ".join(said.split()) or "it gave no reason"
    return GitError(f"git failed in {folder}: {words}")


def _distrusted(said: str, folder: Path) -> str:
    _, _, rest = said.partition("repository at '")
    return rest.partition("'")[0] or os.fspath(folder)
