"""What a rollback's downgrades destroy of what the target holds, counted there, and whether it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.kept import LossKind
from coordinator.model.rollback import Stake
from coordinator.postgres.at_stake import count_at_stake, hides_rows
from coordinator.postgres.catalog import read_catalog
from coordinator.workflow.loss import at_stake, keep_plan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.execution.project import Project
    from coordinator.model.kept import KeepPolicy, Loss
    from coordinator.model.plan import RunPlan
    from coordinator.postgres.session import Session
    from coordinator.workflow.planned import Captured


def stakes_of(
    session: Session, project: Project, plan: RunPlan, captured: Captured, policy: KeepPolicy
) -> tuple[Stake, ...]:
    """Each loss once, at the first step that causes it; what goes with a dropped table is told with it. Only reads."""
    catalog = read_catalog(session, ignore=project.version_tables)
    found = at_stake(session, plan, keep_plan(policy, captured, plan, None), catalog)
    losses = [each for step in plan.steps for each in found[step.key]]
    whole = {each.loss.relation for each in losses if each.loss.kind is LossKind.TABLE}
    told: set[tuple[tuple[str, str], str | None]] = set()
    stakes = []
    for each in losses:
        for column in _parts(each.loss, gone=each.loss.relation in whole):
            what = (each.loss.relation, column)
            if what not in told:
                told.add(what)
                hidden = hides_rows(session, each.loss.relation)
                rows, about = (None, 0) if hidden else count_at_stake(session, each.loss.relation, column)
                stakes.append(
                    Stake(
                        key=each.key,
                        table=".".join(each.loss.relation),
                        column=column,
                        rows=rows,
                        about=about,
                        hidden=hidden,
                        at_most=each.loss.kind is LossKind.ROWS,
                        not_kept=each.not_kept,
                    )
                )
    return tuple(stakes)


def _parts(loss: Loss, *, gone: bool) -> Iterator[str | None]:
    """A dropped table and whole rows count as rows; of columns each by itself."""
    if loss.kind is LossKind.TABLE:
        yield None
    elif not gone:
        yield from loss.columns or (None,)
