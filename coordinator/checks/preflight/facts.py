"""All that the preflight checks look at, as one value, and what each finding about a revision looks like."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.capture import Direction
from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place

if TYPE_CHECKING:
    import datetime
    from collections.abc import Mapping

    from coordinator.model.capture import Capture
    from coordinator.model.effect import RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree, Revision
    from coordinator.model.run import AppliedRevision


@dataclass(frozen=True, slots=True, kw_only=True)
class PreflightFacts:
    """The trees, what the target says is in, and what the pending revisions sent when they were captured.

    `heads` are the rows of each module's version table; a module that is not in it has not been looked at,
    and all its revisions count as pending. `applied` is what the ledger remembers. `widths` is the longest
    text that each module's version table holds, in characters; a module without a limit is not in it.
    `captures` are of pending revisions, both directions. `gate`: a pull request is judged, not a deploy.
    `accepted` are edits of applied revisions that a person has accepted: revision and digest of the content.
    `effects` are those of upgrades as the files say. `steps` are the pending revisions that the run is about;
    None: all of them. `changed` are the modules that the judged change touches; None: all.
    """

    trees: tuple[ModuleTree, ...]
    today: datetime.date
    heads: Mapping[str, frozenset[str]] = field(default_factory=dict)
    applied: tuple[AppliedRevision, ...] = ()
    captures: tuple[Capture, ...] = ()
    widths: Mapping[str, int] = field(default_factory=dict)
    gate: bool = False
    accepted: frozenset[tuple[RevisionKey, str]] = frozenset()
    effects: Mapping[RevisionKey, RevisionEffects] = field(default_factory=dict)
    steps: frozenset[RevisionKey] | None = None
    changed: frozenset[str] | None = None
    _files: Mapping[RevisionKey, Revision] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        files = {revision.key: revision for tree in self.trees for revision in tree.revisions}
        object.__setattr__(self, "_files", files)

    def tree(self, module: str) -> ModuleTree | None:
        """The tree of that module in this checkout, or None."""
        return next((tree for tree in self.trees if tree.module.name == module), None)

    def revision(self, key: RevisionKey) -> Revision | None:
        """The revision's file in this checkout, or None."""
        return self._files.get(key)

    def pending(self, tree: ModuleTree) -> tuple[Revision, ...]:
        """The revisions that are not in yet, parents first."""
        present = tree.ancestors(self.heads.get(tree.module.name, frozenset()))
        return tuple(each for each in tree.revisions if each.key.revision not in present)

    @property
    def all_pending(self) -> tuple[Revision, ...]:
        """The pending revisions of every tree."""
        return tuple(each for tree in self.trees for each in self.pending(tree))

    @property
    def wanted(self) -> tuple[Revision, ...]:
        """The pending revisions that the run is about."""
        return tuple(each for each in self.all_pending if self.steps is None or each.key in self.steps)


def about(
    revision: Revision,
    rule: str,
    message: str,
    *,
    help: str | None = None,  # noqa: A002 - the name in Finding
    severity: Severity = Severity.ERROR,
    line: int = 0,
) -> Finding:
    """A finding about a revision, at a line of its file or at the line of its id."""
    place = Place(revision.place.file, line or revision.place.line)
    return Finding(
        rule=rule,
        message=f"Revision {revision.key} ({place}) {message}",
        severity=severity,
        module=revision.key.module,
        revision=revision.key,
        place=place,
        help=help,
    )


def weight(direction: Direction) -> Severity:
    """How much a mistake in a function matters: a run needs its upgrades, and perhaps no downgrade."""
    return Severity.ERROR if direction is Direction.UPGRADE else Severity.WARNING
