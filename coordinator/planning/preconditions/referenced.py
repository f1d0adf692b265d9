"""Rows that go away while rows of other tables point at them: DELETE, a partition that is detached, a key that changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import Referenced
from coordinator.planning.preconditions.asking import columns_in
from coordinator.sql.nodes import given
from coordinator.sql.parser import expression_text

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.known import ForeignKey
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.REFERENCED
_REFUSES = frozenset({"a", "r"})  # NO ACTION, RESTRICT


def deletes(asking: Asking, node: Node) -> None:
    """DELETE of rows at which keys point that do not follow."""
    table = asking.table(node.relation)
    if table is None or table.today is None:
        return
    where = given(node, "where_clause")
    names = () if where is None else columns_in(where)
    plain = names is not None and not node.using_clause and not node.HasField("with_clause")
    alias = node.relation.alias.aliasname
    for key in asking.world.known.keys_to(table.today):
        if key.on_delete in _REFUSES:
            why = "" if plain and not alias else "which rows go is told by other tables"
            if key.child == table.today:
                why = "its rows point at each other"
            why = why or _settled_later(table, key)
            condition = "" if where is None or why else expression_text(where)
            _ask(asking, table, key, names or (), condition, why, verb="DELETE FROM")


def updates(asking: Asking, node: Node) -> None:
    """UPDATE of a key at which rows point that do not follow: which value comes for which, only the server can tell."""
    table = asking.table(node.relation)
    if table is None or table.today is None:
        return
    changed = {item.res_target.name for item in node.target_list}
    for key in asking.world.known.keys_to(table.today):
        if key.on_update in _REFUSES and changed & {*_names_now(table, key.parent_columns)}:
            why = "the values that come cannot be told without running it"
            _ask(asking, table, key, (), "", why, verb="UPDATE of the key of")


def detaches(asking: Asking, parent: TableState, partition: TableState) -> None:
    """A partition leaves a table at which keys point."""
    for key in asking.world.known.keys_to(parent.today) if parent.today else ():
        _ask(asking, partition, key, (), "", "", verb="detaching")


def _ask(
    asking: Asking,
    table: TableState,
    key: ForeignKey,
    names: tuple[str, ...],
    condition: str,
    why: str,
    *,
    verb: str,
) -> None:
    child = asking.world.of_today(key.child)
    if child is None or child.empty or key.name in child.gone_constraints:
        return
    what = f"{verb} {table}, at which {child} points ({key.name})"
    columns = _names_now(table, key.parent_columns)
    held = _names_now(child, key.columns)
    doubt = (
        why
        or asking.world.doubt(table, (*names, *columns))
        or asking.world.doubt(child, held, additions_matter=True)
    )
    if doubt:
        asking.ask(_KIND, what, None, doubt)
        return
    question = Referenced(
        rows=table.rows((*names, *columns)),
        columns=columns,
        child=child.rows(held, only=True),
        child_columns=held,
        condition=condition,
    )
    asking.ask(_KIND, what, question)


def _settled_later(table: TableState, key: ForeignKey) -> str:
    """Why the rows that point there may be gone when the server asks; empty when it asks at once."""
    if table.triggers:
        return f"a trigger of {table} may take them along"
    return f"{key.name} may be deferred to the end of the step" if key.deferrable else ""


def _names_now(table: TableState, today: tuple[str, ...]) -> tuple[str, ...]:
    named = {each.today: name for name, each in table.columns.items()}
    return tuple(named.get(each, each) for each in today)
