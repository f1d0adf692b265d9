"""VALIDATE CONSTRAINT: what was added NOT VALID, by the plan or long ago, is asked of the rows that were there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.planning.preconditions.constraints import asks_constraint

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState


def validates(asking: Asking, table: TableState, name: str, *, only: bool = False) -> None:
    """One constraint by its name. One that is validated already demands nothing; one that is not known is not checked."""
    node = table.unproved.get(name)
    if node is None and table.today is not None and name not in table.gone_constraints:
        node = asking.world.known.constraint(table.today, name)
        if node is not None and not node.skip_validation:
            return
    if node is not None:
        asks_constraint(asking, table, node, only=only)
    else:
        what = f"constraint {name} on {table}"
        asking.ask(PreconditionKind.CHECK, what, None, "no constraint of this name is known")
