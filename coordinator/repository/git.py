"""What a git repository knows: where a branch began, what a folder held then, what is another now, whose it is."""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from coordinator.repository.command import GitError, NoRepositoryError, git

if TYPE_CHECKING:
    from collections.abc import Mapping

_NO_NAMES: Mapping[str, str] = {}
# The branch that a pull request goes to, as the services name it.
_TARGET_VARIABLES = (
    "GITHUB_BASE_REF",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME",
    "BITBUCKET_PR_DESTINATION_BRANCH",
)
_USUAL_BRANCHES = ("main", "master", "trunk")
_SCP = re.compile(r"(?:[^/@:]+@)?(?P<host>[^/@:]+):(?!//)(?P<path>.+)")
_LINK, _SUBMODULE = "120000", "160000"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChanges:
    """What became of the files of a folder; paths are relative to it, with `/`, sorted."""

    added: tuple[str, ...] = ()
    modified: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a folder comes from. `remote` has no credentials in it; `dirty`: something in it is not committed."""

    remote: str | None
    commit: str | None
    dirty: bool


def toplevel(folder: Path) -> Path:
    """The top folder of the repository that the folder lies in; it need not exist any more.

    Raises NoRepositoryError when there is none or no git program, GitError when git does not trust its owner.
    """
    _, said = git(_existing(folder), "rev-parse", "--show-toplevel")
    return Path(os.fsdecode(said.removesuffix(b"\n")))


def _existing(folder: Path) -> Path:
    return next((each for each in (folder, *folder.parents) if each.is_dir()), Path("/"))


def commit_of(root: Path, ref: str) -> str:
    """The full id of the commit that a ref names. Raises GitError with the nearest known name."""
    if ref.startswith("-") or not ref.strip() or not ref.isprintable():
        raise GitError(
            f"{ref!r} cannot be a git ref.", help="Name a branch, a tag or a commit, such as origin/main."
        )
    code, said = git(
        _existing(root),
        "rev-parse",
        "--verify",
        "--quiet",
        "--end-of-options",
        f"{ref}^{{commit}}",
        fine=(0, 1, 128),
    )
    if code == 0:
        return said.decode().strip()
    top = toplevel(root)
    if is_shallow(root):
        raise GitError(
            f"There is no git ref {ref!r} in {top}, which is a shallow clone.",
            help="Fetch it with its history: `git fetch --unshallow`; in GitHub Actions `fetch-depth: 0`.",
        )
    near = difflib.get_close_matches(ref, _refs(root), n=1, cutoff=0.5)
    known = f"Did you mean {near[0]!r}?" if near else "`git branch --all` lists the branches."
    raise GitError(f"There is no git ref {ref!r} in {top}.", help=known)


def _refs(root: Path) -> list[str]:
    _, said = git(_existing(root), "for-each-ref", "--format=%(refname:short)")
    return said.decode(errors="replace").split()


def is_shallow(root: Path) -> bool:
    """Whether the clone holds only the newest part of its history."""
    _, said = git(_existing(root), "rev-parse", "--is-shallow-repository")
    return said.strip() == b"true"


def default_branch(root: Path, variables: Mapping[str, str] = _NO_NAMES) -> str:
    """The branch that work goes to: what a CI service's variables name, the remote's HEAD, or main or master.

    Raises GitError when no such branch can be told.
    """
    remote = _remote(root)
    asked = next((variables[name] for name in _TARGET_VARIABLES if variables.get(name)), None)
    names = [asked] if asked else []
    if remote is not None:
        code, said = git(
            _existing(root),
            "symbolic-ref",
            "--quiet",
            "--short",
            f"refs/remotes/{remote}/HEAD",
            fine=(0, 1, 128),
        )
        if code == 0 and not asked:
            return said.decode().strip()
    known = set(_refs(root))
    for name in names or _USUAL_BRANCHES:
        for each in (f"{remote}/{name}", name):
            if each in known:
                return each
    wanted = f"branch {asked!r}" if asked else "branch main or master, and no remote names its HEAD"
    if is_shallow(root):
        fetch = f" with its branch: `git fetch --unshallow {remote} {asked or 'main'}`" if remote else ""
        raise GitError(
            f"There is no {wanted}, in {toplevel(root)}, which is a shallow clone.",
            help=f"Fetch the history{fetch}; in GitHub Actions `fetch-depth: 0`.",
        )
    raise GitError(
        f"There is no {wanted}, in {toplevel(root)}.", help="Name where the branch began: --since REF."
    )


def _remote(root: Path) -> str | None:
    """The remote named origin, else the only one."""
    _, said = git(_existing(root), "remote")
    names = said.decode(errors="replace").split()
    return "origin" if "origin" in names else (names[0] if len(names) == 1 else None)


def merge_base(root: Path, ref: str | None, variables: Mapping[str, str] = _NO_NAMES) -> str:
    """The full id of the commit at which this branch left `ref` (None: the default branch). HEAD may be detached.

    Raises GitError when there is none; for a shallow clone with what to fetch.
    """
    named = ref if ref is not None else default_branch(root, variables)
    other = commit_of(root, named)
    code, _ = git(_existing(root), "rev-parse", "--verify", "--quiet", "HEAD^{commit}", fine=(0, 1, 128))
    if code:
        raise GitError(f"The repository {toplevel(root)} has no commit yet.", help="Commit something first.")
    code, said = git(_existing(root), "merge-base", "HEAD", other, fine=(0, 1))
    if code == 0:
        return said.decode().split()[0]
    top = toplevel(root)
    if is_shallow(root):
        raise GitError(
            f"Where this branch left {named!r} is not in {top}, which is a shallow clone.",
            help="Fetch the history: `git fetch --unshallow`; in GitHub Actions `fetch-depth: 0`.",
        )
    raise GitError(
        f"This branch and {named!r} have no commit in common in {top}.", help="Name another ref: --since."
    )


def _inside(root: Path, folder: Path) -> tuple[Path, str]:
    """The top folder, and the folder's path below it ("" for the top itself)."""
    top = toplevel(root)
    relative = os.path.relpath(os.path.realpath(folder), os.path.realpath(top))
    if relative.startswith(".."):
        raise GitError(f"{folder} does not lie in the repository {top}.")
    return top, "" if relative == "." else relative


def files_at(root: Path, ref: str, folder: Path) -> Mapping[str, bytes]:
    """The files that `folder` held at that commit, by their paths relative to it; links are left out.

    A folder that was not there held none. Raises GitError for a ref that does not exist.
    """
    commit = commit_of(root, ref)
    top, inside = _inside(root, folder)
    _, said = git(top, "ls-tree", "-r", "-z", commit, "--", *([f"{inside}/"] if inside else []))
    found: dict[str, str] = {}
    for line in filter(None, said.split(b"\0")):
        facts, _, path = line.partition(b"\t")
        mode, _, blob = facts.decode().split()
        if mode not in {_LINK, _SUBMODULE}:
            found[os.path.relpath(os.fsdecode(path), inside or ".")] = blob
    return dict(zip(sorted(found), _blobs(top, [found[each] for each in sorted(found)]), strict=True))


def _blobs(top: Path, ids: list[str]) -> list[bytes]:
    if not ids:
        return []
    _, said = git(top, "cat-file", "--batch", sent="\n".join(ids).encode() + b"\n")
    found, at = [], 0
    for _ in ids:
        end = said.index(b"\n", at)
        size = int(said[at:end].split()[2])
        found.append(said[end + 1 : end + 1 + size])
        at = end + 1 + size + 1
    return found


def changed_since(root: Path, ref: str, folder: Path) -> FileChanges:
    """How the folder's files differ now from that commit: what is committed since, staged, changed, or not tracked.

    Raises GitError for a ref that does not exist.
    """
    commit = commit_of(root, ref)
    top, inside = _inside(root, folder)
    where = ["--", inside or "."]
    _, said = git(
        top,
        "diff",
        "--name-status",
        "-z",
        "--no-renames",
        "--no-ext-diff",
        "--no-textconv",
        "--ignore-submodules",
        commit,
        *where,
    )
    words = [os.fsdecode(each) for each in said.split(b"\0")]
    found: dict[str, set[str]] = {"A": set(), "M": set(), "D": set()}
    for status, path in zip(words[0::2], words[1::2], strict=False):
        found[status if status in found else "M"].add(path)
    _, others = git(top, "ls-files", "--others", "-z", *where)
    untracked = {os.fsdecode(each) for each in others.split(b"\0") if each and b"__pycache__/" not in each}
    # What was taken out of the index and lies there still was there before.
    found["M"] |= found["D"] & untracked
    found["D"] -= untracked
    found["A"] |= untracked - found["M"]

    def sorted_below(paths: set[str]) -> tuple[str, ...]:
        return tuple(sorted(os.path.relpath(each, inside or ".") for each in paths))

    return FileChanges(
        added=sorted_below(found["A"]), modified=sorted_below(found["M"]), deleted=sorted_below(found["D"])
    )


def origin_of(folder: Path) -> Origin | None:
    """Remote, commit and state of the folder's repository; None when it is in none, or git is not there.

    Raises GitError when git does not trust the repository's owner.
    """
    try:
        top, inside = _inside(folder, folder)
    except NoRepositoryError:
        return None
    remote = _remote(top)
    url = None
    if remote is not None:
        code, said = git(top, "config", "--get", f"remote.{remote}.url", fine=(0, 1))
        url = without_credentials(os.fsdecode(said.strip())) if code == 0 else None
    code, said = git(top, "rev-parse", "--verify", "--quiet", "HEAD^{commit}", fine=(0, 1, 128))
    _, status = git(top, "status", "--porcelain", "-z", "--untracked-files=normal", "--", inside or ".")
    return Origin(remote=url, commit=said.decode().strip() if code == 0 else None, dirty=bool(status))


def without_credentials(url: str) -> str | None:
    """A remote's URL without user, password, query or fragment; `git@host:path` without its user.

    None for what only begins like a URL: nobody knows where its credentials are.
    """
    if "://" in url:
        try:
            parts = urlsplit(url)
        except ValueError:
            return None
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    match = _SCP.fullmatch(url)
    return f"{match['host']}:{match['path']}" if match else url
