"""Which columns a command gives a value of its own, where PostgreSQL would make one: DEFAULT is none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.sql.namespace import column
from coordinator.sql.nodes import children, given, name_of, unwrap, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coordinator.model.effect import ObjectName
    from coordinator.sql.namespace import Namespace
    from coordinator.sql.tree import Node


def set_in(node: Node, names: Namespace) -> Iterator[ObjectName]:
    """The columns that UPDATE, MERGE and ON CONFLICT DO UPDATE set, anywhere in a command."""
    kind = name_of(node)
    targets: list[Node] = []
    if kind == "UpdateStmt":
        targets.extend(_values_set(node.target_list))
    elif kind == "InsertStmt" and node.HasField("on_conflict_clause"):
        targets.extend(_values_set(node.on_conflict_clause.target_list))
    elif kind == "MergeStmt":
        for item in node.merge_when_clauses:
            clause = item.merge_when_clause
            if word(clause, "command_type") == "CMD_UPDATE":
                targets.extend(_values_set(clause.target_list))
            elif word(clause, "override") == "OVERRIDING_NOT_SET":
                pairs = zip(clause.target_list, clause.values, strict=False)
                targets.extend(target.res_target for target, value in pairs if not _is_default(value))
    for target in targets:
        yield column(names.relation(node.relation), target.name)
    for child in children(node):
        yield from set_in(child, names)


def places_given(node: Node) -> frozenset[int] | None:
    """The places in the rows of an INSERT that hold a value of their own; None: all, since a query gives the rows."""
    if word(node, "override") != "OVERRIDING_NOT_SET":
        return frozenset()  # it says what is to be done with them
    source = given(node, "select_stmt")
    if source is None:
        return frozenset()
    return _places(source, default=False) if source.values_lists else None


def places_of_default(node: Node) -> frozenset[int]:
    """The places in the rows of an INSERT where one of the rows has DEFAULT."""
    source = given(node, "select_stmt")
    return frozenset() if source is None else _places(source, default=True)


def _places(source: Node, *, default: bool) -> frozenset[int]:
    return frozenset(
        place
        for row in source.values_lists
        for place, item in enumerate(row.list.items)
        if _is_default(item) is default
    )


def _values_set(targets: Iterable[Node]) -> Iterator[Node]:
    return (item.res_target for item in targets if not _is_default(item.res_target.val))


def _is_default(value: Node) -> bool:
    inner = unwrap(value)
    return inner is not None and name_of(inner) == "SetToDefault"
