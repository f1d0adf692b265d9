"""Steps that were cut off while they committed statement by statement: what the books say of them."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING

from coordinator.execution.versions import prepare_module, read_heads, write_heads
from coordinator.ledger.applied import erase_applied, write_applied
from coordinator.ledger.lock import stand_behind_fence
from coordinator.model.capture import Direction
from coordinator.model.finding import Finding, Severity
from coordinator.model.run import AppliedRevision
from coordinator.planning.heads import heads_after

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.model.recovery import HalfDone
    from coordinator.model.revision import Revision
    from coordinator.postgres.session import Session


def write_down_half_done(session: Session, project: Project, half: HalfDone, run: int) -> None:
    """Say that a half done step is in, so that it is taken back as every other: by its whole downgrade."""
    revision = project.revision(half.key)
    with session.transaction():
        stand_behind_fence(session, run)
        prepare_module(session, project.module(half.key.module))
        _move_heads(session, project, half, Direction.UPGRADE)
        write_applied(session, _applied(revision, run))


def forget_half_done(session: Session, project: Project, half: HalfDone, run: int) -> None:
    """Say that a step is not in: nothing of it is there any more, or its reversal failed. Quiet when that is said."""
    if half.key.revision not in (read_heads(session, project.module(half.key.module)) or ()):
        return
    with session.transaction():
        stand_behind_fence(session, run)
        _move_heads(session, project, half, Direction.DOWNGRADE)
        erase_applied(session, half.key)


def _move_heads(session: Session, project: Project, half: HalfDone, direction: Direction) -> None:
    module, tree = project.module(half.key.module), project.tree(half.key.module)
    heads = (read_heads(session, module) or frozenset()) & tree.ids
    after = heads_after(tree, heads, project.revision(half.key), direction)
    write_heads(session, module, heads, after)


def _applied(revision: Revision, run: int) -> AppliedRevision:
    return AppliedRevision(
        key=revision.key,
        run=run,
        digest=revision.digest,
        source=revision.source,
        parents=revision.parents,
        file=PurePath(revision.place.file).name,
        changes="[]",
        grade="",
        requires=revision.requires,
    )


def left_half_done(half: HalfDone) -> Finding:
    """The warning about a step that is kept as it is."""
    there = ", ".join(each.shown for each in half.present)
    told = f"{there} of it is there" if there else "what of it is there cannot be told"
    return Finding(
        rule="half-done",
        severity=Severity.WARNING,
        message=f"{half.key} was cut off in its {half.direction.value}(), and {told}",
        module=half.key.module,
        revision=half.key,
        help="its next run begins anew: let its statements stand a second time (IF NOT EXISTS), or drop these first",
    )
