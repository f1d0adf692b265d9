"""What the leaves of an expression mean: columns, functions, types, casts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.sql.namespace import column, is_built_in
from coordinator.sql.nodes import name_of, strings, unwrap

if TYPE_CHECKING:
    from coordinator.sql.queries import QueryReader
    from coordinator.sql.scope import Scope
    from coordinator.sql.tree import Node

_TAKES_SEQUENCE = frozenset({"nextval", "currval", "setval"})


def column_reference(reader: QueryReader, node: Node, scope: Scope) -> None:
    """A column, a star or a whole row, however qualified."""
    words = strings(node.fields)
    if len(words) < len(node.fields):
        _star(reader, words, scope)
    elif len(words) == 1:
        _bare_column(reader, words[0], scope)
    else:
        schema = words[-3] if len(words) > 2 else None
        source = scope.source(words[-2], schema)
        if source is not None and source.relation is not None:
            reader.use(column(source.relation, words[-1]))
        elif source is None and schema is not None:
            reader.use(column(ObjectName(ObjectKind.RELATION, schema, words[-2]), words[-1]))


def _bare_column(reader: QueryReader, name: str, scope: Scope) -> None:
    if name in scope.outputs:
        return
    whole = scope.source(name)
    if whole is not None and whole.relation is not None:
        reader.use(whole.relation, every=True)
        return
    owners = [column(relation, name) for relation in scope.owners_of(name)]
    if owners:
        reader.use(owners[0], alternatives=tuple(owners[1:]))


def _star(reader: QueryReader, words: tuple[str, ...], scope: Scope) -> None:
    if words:
        source = scope.source(words[-1], words[-2] if len(words) > 1 else None)
        sources = [source] if source is not None else []
    else:
        sources = scope.sources
    for each in sources:
        if each.relation is not None:
            reader.use(each.relation, every=True)


def function_call(reader: QueryReader, node: Node, scope: Scope) -> None:
    """A function with its arguments; some take a sequence's name as text."""
    words = strings(node.funcname)
    reader.use(reader.reading.names.named(ObjectKind.FUNCTION, words))
    if words[-1] in _TAKES_SEQUENCE and node.args:
        _sequence(reader, unwrap(node.args[0]))
    reader.read_below(node, scope)


def _sequence(reader: QueryReader, node: Node) -> None:
    value = node.arg.a_const if name_of(node) == "TypeCast" and node.arg.HasField("a_const") else node
    if name_of(value) == "A_Const" and value.HasField("sval"):
        words = tuple(each.strip('"') for each in value.sval.sval.split("."))
        reader.use(reader.reading.names.named(ObjectKind.SEQUENCE, words))


def type_name(reader: QueryReader, node: Node, scope: Scope) -> None:
    """A type by its name."""
    reader.reading.use_type(node, reader.holder, reader.holding)
    reader.read_all(node.typmods, scope)


def cast(reader: QueryReader, node: Node, scope: Scope) -> None:
    """A cast; of a text it may name a relation or an enum label."""
    names = strings(node.type_name.names)
    literal = node.arg.a_const if node.arg.HasField("a_const") else None
    if names and names[-1] == "regclass" and literal is not None and literal.HasField("sval"):
        words = tuple(each.strip('"') for each in literal.sval.sval.split("."))
        sequence = reader.reading.names.named(ObjectKind.SEQUENCE, words)
        reader.use(reader.reading.names.named(ObjectKind.RELATION, words), alternatives=(sequence,))
    elif literal is not None and literal.HasField("sval"):
        _label(reader, node.type_name, literal.sval.sval)
    reader.read_below(node, scope)


def _label(reader: QueryReader, type_node: Node, value: str) -> None:
    words = strings(type_node.names)
    if words and not is_built_in(words):
        reader.use(reader.reading.names.named(ObjectKind.LABEL, words, value))
