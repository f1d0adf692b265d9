"""A foreign key over rows that are there: each must point at a row of the other table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import Orphans
from coordinator.sql.nodes import strings

if TYPE_CHECKING:
    from coordinator.model.question import RowsThen
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.FOREIGN_KEY


def adds_foreign_key(asking: Asking, table: TableState, node: Node, columns: tuple[str, ...] = ()) -> None:
    """A key as it is added or validated; `columns` is the one that it stands behind."""
    names = strings(node.fk_attrs) or columns
    target = asking.relation(node.pktable)
    what = f"foreign key ({', '.join(names)}) of {table} to {target.schema}.{target.name}"
    doubt = asking.world.doubt(table, names)
    if node.fk_with_period:
        doubt = "its last column is covered, not equal, which is not asked for"
    if doubt:
        asking.ask(_KIND, what, None, doubt)
        return
    rows, full = table.rows(names, only=True), node.fk_matchtype == "f"
    parent = asking.world.table(target)
    if parent is not None and parent.empty and not asking.world.doubt(parent, (), additions_matter=True):
        asking.ask(_KIND, what, Orphans(rows=rows, columns=names, parent=None, parent_columns=(), full=full))
        return
    other, keys, why = _parent(asking, parent, strings(node.pk_attrs))
    question = None
    if other is not None:
        question = Orphans(rows=rows, columns=names, parent=other, parent_columns=keys, full=full)
    asking.ask(_KIND, what, question, why)


def _parent(
    asking: Asking, parent: TableState | None, keys: tuple[str, ...]
) -> tuple[RowsThen | None, tuple[str, ...], str]:
    """The rows that are pointed at and their key, or why these are not known."""
    if parent is None:
        return None, (), "the table that it points at is not there"
    if parent.empty:
        return None, (), asking.world.doubt(parent, (), additions_matter=True)
    if not keys:
        known, gone = asking.world.known, parent.gone_constraints
        today = None if parent.today is None else known.primary_key(parent.today, gone)
        named = {each.today: name for name, each in parent.columns.items()}
        keys = tuple(named.get(each, each) for each in today or ())
        if not keys:
            return None, (), f"the primary key of {parent} is not known"
    doubt = asking.world.doubt(parent, keys, additions_matter=True)
    return (None, (), doubt) if doubt else (parent.rows(keys, only=True), keys, "")
