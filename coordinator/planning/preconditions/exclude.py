"""EXCLUDE over rows that are there: no two of them may meet all its operators."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import Overlapping
from coordinator.planning.preconditions.asking import columns_in
from coordinator.planning.preconditions.unique import term_of
from coordinator.sql.nodes import given, strings
from coordinator.sql.parser import expression_text

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.EXCLUDE


def adds_exclusion(asking: Asking, table: TableState, node: Node) -> None:
    """An exclusion constraint as it is added."""
    what = f"EXCLUDE {node.conname or '(unnamed)'} on {table}"
    elements = [each.list.items for each in node.exclusions]
    where = given(node, "where_clause")
    columns = columns_in(node)
    names = () if columns is None else (*columns, *(each[0].index_elem.name for each in elements))
    wanted = tuple(dict.fromkeys(each for each in names if each))
    doubt = "it takes whole rows" if columns is None else asking.world.doubt(table, wanted)
    if doubt:
        asking.ask(_KIND, what, None, doubt)
        return
    question = Overlapping(
        rows=table.rows(wanted, only=True),
        terms=tuple(term_of(each[0].index_elem) for each in elements),
        operators=tuple(strings(each[1].list.items) for each in elements),
        where="" if where is None else expression_text(where),
    )
    asking.ask(_KIND, what, question)
