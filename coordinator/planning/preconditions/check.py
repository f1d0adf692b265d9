"""A CHECK over rows that are there: its own expression is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import Breaking
from coordinator.planning.preconditions.asking import columns_in
from coordinator.sql.nodes import unwrap
from coordinator.sql.parser import expression_text

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.CHECK


def adds_check(asking: Asking, table: TableState, node: Node, *, only: bool = False) -> None:
    """A constraint as it is added or validated; `only`: rows of inheriting tables do not count."""
    expression = unwrap(node.raw_expr)
    what = f"CHECK {node.conname or '(unnamed)'} on {table}"
    columns = columns_in(expression)
    if columns is None:
        asking.ask(_KIND, what, None, "it takes whole rows")
        return
    doubt = asking.world.doubt(table, columns)
    if doubt:
        asking.ask(_KIND, what, None, doubt)
        return
    rows = table.rows(only=only or bool(node.is_no_inherit))
    asking.ask(_KIND, what, Breaking(rows=rows, condition=expression_text(expression)))
