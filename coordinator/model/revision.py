"""Revisions as they stand in files: who follows whom, and what their authors declared."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.module import Module
    from coordinator.model.names import Place, RevisionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A finding accepted by its author until a date (ISO 8601)."""

    rule: str
    reason: str
    until: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision file: Alembic's names, and the module-level names that Alembic ignores (see docs/authoring.md)."""

    key: RevisionKey
    place: Place
    message: str
    down_revisions: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()  # inside its own tree, branch labels resolved to revision ids
    branch_labels: tuple[str, ...] = ()
    requires: tuple[RevisionKey, ...] = ()  # goes after these revisions of other modules
    seen: tuple[tuple[str, str], ...] = ()  # (module, head) pairs from when it was written
    touches: tuple[
        str, ...
    ] = ()  # modules whose schemas it changes on purpose; "database" for what has no schema
    irreversible: str | None = None
    deletes_rows: bool = False
    waivers: tuple[Waiver, ...] = ()
    source: str = ""
    digest: str = ""  # of the normalised syntax tree: comments, docstrings and layout do not count

    @property
    def parents(self) -> tuple[str, ...]:
        """Revision ids of the same tree that must be applied before this one."""
        return tuple(dict.fromkeys((*self.down_revisions, *self.depends_on)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleTree:
    """A module's revisions, parents before children; ties by revision id, so the order is always the same."""

    module: Module
    revisions: tuple[Revision, ...]

    def find(self, revision: str) -> Revision | None:
        """The revision with that id, or None."""
        return next((each for each in self.revisions if each.key.revision == revision), None)

    @property
    def ids(self) -> frozenset[str]:
        """Ids of all its revisions."""
        return frozenset(each.key.revision for each in self.revisions)

    @property
    def heads(self) -> tuple[str, ...]:
        """Ids of revisions that no other revision of the tree names as its down_revision."""
        followed = {down for each in self.revisions for down in each.down_revisions}
        return tuple(each.key.revision for each in self.revisions if each.key.revision not in followed)

    @property
    def bases(self) -> tuple[str, ...]:
        """Ids of revisions that follow none."""
        return tuple(each.key.revision for each in self.revisions if not each.down_revisions)

    def ancestors(self, revisions: frozenset[str]) -> frozenset[str]:
        """These revisions and all that must be applied before them."""
        known = {each.key.revision: each for each in self.revisions}
        found: set[str] = set()
        waiting = [each for each in revisions if each in known]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting.extend(parent for parent in known[current].parents if parent in known)
        return frozenset(found)
