"""What plain Alembic did between our runs: noted in the ledger when the next run begins, never held against anybody."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from coordinator.ledger.applied import forget_applied, write_applied
from coordinator.ledger.effects_json import KnownEffects, effects_text
from coordinator.model.run import AppliedRevision

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.model.names import RevisionKey
    from coordinator.postgres.session import Session
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.state import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """`came` are revisions in version tables that no run applied; `gone` those that a run applied and are out again."""

    came: tuple[AppliedRevision, ...] = ()
    gone: tuple[RevisionKey, ...] = ()

    def note(self, session: Session) -> None:
        """Bring the ledger up to date with the version tables; on the ledger connection, before the first step."""
        forget_applied(session, self.gone)
        for each in self.came:
            write_applied(session, each)


def found_outside(project: Project, state: TargetState, captured: Captured) -> Outside:
    """What the version tables tell and the ledger does not know, and the other way round, for modules that are here."""
    applied = {
        revision.key
        for tree in project.trees
        for revision in tree.revisions
        if revision.key.revision in state.applied.get(tree.module.name, frozenset())
    }
    known = {each.key for each in state.recorded}
    files = {revision.key for tree in project.trees for revision in tree.revisions}
    effects = captured.known_effects
    return Outside(
        came=tuple(
            _applied(project, revision.key, effects)
            for tree in project.trees
            for revision in tree.revisions
            if revision.key in applied - known
        ),
        gone=tuple(sorted((known & files) - applied)),
    )


def _applied(
    project: Project, key: RevisionKey, effects: Mapping[RevisionKey, KnownEffects]
) -> AppliedRevision:
    revision = project.revision(key)
    found = effects.get(key, KnownEffects())
    changes = found.upgrade.changes if found.upgrade is not None else ()
    return AppliedRevision(
        key=key,
        run=None,
        digest=revision.digest,
        source=revision.source,
        parents=revision.parents,
        file=PurePath(revision.place.file).name,
        changes=json.dumps([each.as_json() for each in changes]),
        grade="",
        requires=revision.requires,
        effects=effects_text(found),
    )
