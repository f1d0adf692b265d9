"""What INSERT, UPDATE, DELETE and MERGE use and write."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.sql.namespace import column, within
from coordinator.sql.nodes import given, unwrap
from coordinator.sql.scope import Scope, Source

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.effect import ObjectName
    from coordinator.sql.queries import QueryReader
    from coordinator.sql.tree import Node


def _target(reader: QueryReader, node: Node, scope: Scope) -> ObjectName:
    relation = reader.reading.names.relation(node)
    reader.use(relation)
    scope.sources.append(Source(node.alias.aliasname or node.relname, relation))
    return relation


def _write(
    reader: QueryReader, relation: ObjectName, columns: tuple[str, ...] | None, *, overwrites: bool = True
) -> None:
    for name in columns or ():
        reader.use(column(relation, name))
    if reader.holder is None:
        reader.reading.add(Verb.WRITE, relation, columns=columns, overwrites=overwrites)


def insert(reader: QueryReader, node: Node, scope: Scope) -> None:
    """INSERT, with ON CONFLICT and RETURNING."""
    reader.with_queries(node, scope)
    source = given(node, "select_stmt")
    if source is not None:
        reader.query(source, scope)
    inside = Scope(scope)
    relation = _target(reader, node.relation, inside)
    columns = tuple(item.res_target.name for item in node.cols) or None
    clause = given(node, "on_conflict_clause")
    changed = tuple(item.res_target.name for item in clause.target_list) if clause is not None else ()
    given_values = columns and tuple(dict.fromkeys((*columns, *changed)))
    _write(reader, relation, given_values, overwrites=bool(changed))
    if clause is not None:
        inside.sources.append(Source("excluded", relation))
        _set(reader, clause.target_list, relation, inside)
        for item in clause.infer.index_elems:
            if item.index_elem.name:
                reader.use(column(relation, item.index_elem.name))
        reader.read_below(clause.infer, inside)
        if clause.infer.conname:
            reader.use(within(relation, ObjectKind.CONSTRAINT, clause.infer.conname))
        if clause.HasField("where_clause"):
            reader.read(unwrap(clause.where_clause), inside)
    _returning(reader, node, inside)


def update(reader: QueryReader, node: Node, scope: Scope) -> None:
    """UPDATE."""
    reader.with_queries(node, scope)
    relation = _target(reader, node.relation, scope)
    reader.sources(node.from_clause, scope)
    columns = _set(reader, node.target_list, relation, scope)
    _write(reader, relation, columns)
    _rest(reader, node, scope)


def delete(reader: QueryReader, node: Node, scope: Scope) -> None:
    """DELETE."""
    reader.with_queries(node, scope)
    relation = _target(reader, node.relation, scope)
    reader.sources(node.using_clause, scope)
    _write(reader, relation, ())
    _rest(reader, node, scope)


def merge(reader: QueryReader, node: Node, scope: Scope) -> None:
    """MERGE."""
    reader.with_queries(node, scope)
    relation = _target(reader, node.relation, scope)
    reader.source(unwrap(node.source_relation), scope)
    reader.read(unwrap(node.join_condition), scope)
    for item in node.merge_when_clauses:
        clause = item.merge_when_clause
        _set(reader, clause.target_list, relation, scope)
        reader.read_all(clause.values, scope)
        if clause.HasField("condition"):
            reader.read(unwrap(clause.condition), scope)
    _write(reader, relation, None)
    _returning(reader, node, scope)


def _set(reader: QueryReader, items: Iterable[Node], relation: ObjectName, scope: Scope) -> tuple[str, ...]:
    names = []
    for item in items:
        names.append(item.res_target.name)
        reader.use(column(relation, item.res_target.name))
        value = given(item.res_target, "val")
        if value is not None:
            reader.read(value, scope)
    return tuple(dict.fromkeys(names))


def _rest(reader: QueryReader, node: Node, scope: Scope) -> None:
    if node.HasField("where_clause"):
        reader.read(unwrap(node.where_clause), scope)
    _returning(reader, node, scope)


def _returning(reader: QueryReader, node: Node, scope: Scope) -> None:
    fields = node.DESCRIPTOR.fields_by_name
    if "returning_clause" in fields and node.HasField("returning_clause"):
        reader.targets(node.returning_clause.exprs, scope)
    elif "returning_list" in fields:
        reader.targets(node.returning_list, scope)
