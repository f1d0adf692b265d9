"""A CHECK over rows that are there: its own expression is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import Breaking
from coordinator.planning.preconditions.asking import columns_in
from coordinator.planning.preconditions.known import names_type
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
    doubt = asking.world.doubt(table, columns) or _labelled(asking, table, columns)
    if doubt:
        asking.ask(_KIND, what, None, doubt)
        return
    rows = table.rows(columns, only=only or bool(node.is_no_inherit))
    asking.ask(_KIND, what, Breaking(rows=rows, condition=expression_text(expression)))


def _labelled(asking: Asking, table: TableState, columns: tuple[str, ...]) -> str:
    """Why the expression cannot be read yet: it may name a label that an enum gets first."""
    for enum, by in asking.world.labelled.items():
        if any(names_type(table.columns[each].type, enum) for each in columns):
            return f"labels of {'.'.join(enum)} are changed first by {by}"
    return ""
