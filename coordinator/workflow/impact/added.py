"""What a branch adds, asked of each module's own git repository."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.repository.command import GitError, NoRepositoryError
from coordinator.repository.git import (
    changed_since,
    default_branch,
    files_at,
    merge_base,
    toplevel,
)
from coordinator.revisions.digest import digest_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from coordinator.execution.project import Project
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree, Revision

_SHOWN = 9  # digits of a commit


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """Where the branch of one repository begins: the ref as people name it, and the commit."""

    ref: str
    commit: str

    def __str__(self) -> str:
        if self.commit.startswith(self.ref):
            return self.commit[:_SHOWN]
        return f"{self.ref} ({self.commit[:_SHOWN]})"


@dataclass(slots=True, kw_only=True)
class Added:
    """The revisions that are new or another since the branch began, of every module; what could not be asked."""

    since: dict[str, Since] = field(default_factory=dict)  # by module
    keys: list[RevisionKey] = field(default_factory=list)
    edited: list[RevisionKey] = field(default_factory=list)  # those that were there with another content
    deleted: list[str] = field(default_factory=list)
    failures: dict[str, GitError] = field(default_factory=dict)  # by module


def what_is_added(project: Project, module: str, since: str | None, variables: Mapping[str, str]) -> Added:
    """Ask the repositories of all modules. `since` is a ref of the repository that `module` lies in.

    A module's other repository that does not have it is asked for its own default branch.
    """
    added = Added()
    bases: dict[Path, Since | GitError] = {}
    home = _home(project, module) if since is not None else None
    for tree in project.trees:
        try:
            top = toplevel(tree.module.path)
            if top not in bases:
                bases[top] = _base(top, since, variables)
                if isinstance(bases[top], GitError) and since is not None and top != home:
                    bases[top] = _base(top, None, variables)
            base = bases[top]
            if isinstance(base, GitError):
                added.failures[tree.module.name] = base
                continue
            _compare(added, tree, top, base)
            added.since[tree.module.name] = base
        except GitError as error:
            added.failures[tree.module.name] = error
    return added


def _home(project: Project, module: str) -> Path | None:
    try:
        return toplevel(project.module(module).path)
    except GitError:
        return None


def _base(top: Path, since: str | None, variables: Mapping[str, str]) -> Since | GitError:
    try:
        ref = since if since is not None else default_branch(top, variables)
        return Since(ref=ref, commit=merge_base(top, ref, variables))
    except GitError as error:
        return error


def _compare(added: Added, tree: ModuleTree, top: Path, base: Since) -> None:
    changes = changed_since(top, base.commit, tree.module.versions)
    revisions = {_relative(each, tree.module.versions): each for each in tree.revisions}
    added.keys.extend(revisions[path].key for path in changes.added if path in revisions)
    modified = [path for path in changes.modified if path in revisions]
    if modified:
        before = files_at(top, base.commit, tree.module.versions)
        for path in modified:
            if _is_edited(revisions[path], before.get(path, b"")):
                added.edited.append(revisions[path].key)
    added.deleted.extend(
        os.fspath(tree.module.versions / path) for path in changes.deleted if path.endswith(".py")
    )


def _relative(revision: Revision, versions: Path) -> str:
    return os.path.relpath(os.path.realpath(revision.place.file), os.path.realpath(versions))


def _is_edited(revision: Revision, before: bytes) -> bool:
    """Whether it does something else than before; comments and layout are no edit."""
    try:
        return digest_of(before.decode()) != revision.digest
    except (SyntaxError, ValueError):
        return True


def is_outside_of_git(failure: GitError | None) -> bool:
    """Whether there is no repository at all, rather than one that cannot answer."""
    return isinstance(failure, NoRepositoryError)


def in_order(project: Project, keys: Sequence[RevisionKey]) -> tuple[RevisionKey, ...]:
    """The keys as their trees have them, parents first."""
    wanted = frozenset(keys)
    return tuple(each.key for tree in project.trees for each in tree.revisions if each.key in wanted)
