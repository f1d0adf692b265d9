"""Small questions to a syntax tree's nodes: what is inside, how is it called, which words it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coordinator.sql.tree import Node


def unwrap(node: Node) -> Node:
    """The node itself, without the wrapper that says which kind it is; an empty wrapper gives None."""
    if node.DESCRIPTOR.name != "Node":
        return node
    kind = node.WhichOneof("node")
    return getattr(node, kind) if kind else None


def name_of(node: Node) -> str:
    """The node's type as the grammar calls it, such as "ColumnRef"."""
    return str(node.DESCRIPTOR.name)


def children(node: Node) -> Iterator[Node]:
    """The nodes right below this one, in the order of the grammar."""
    for field, value in node.ListFields():
        if field.message_type is None:
            continue
        for item in value if field.is_repeated else (value,):
            inner = unwrap(item)
            if inner is not None:
                yield inner


def word(node: Node, field: str) -> str:
    """The name of an enumerated field's value, such as "OBJECT_TABLE"."""
    return str(node.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(node, field)].name)


def strings(items: Iterable[Node]) -> tuple[str, ...]:
    """The words of a list of names; what is no word (a star) is left out."""
    return tuple(item.string.sval for item in items if item.WhichOneof("node") == "string")


def given(node: Node, field: str) -> Node | None:
    """What an optional part of a node holds, unwrapped, or None."""
    return unwrap(getattr(node, field)) if node.HasField(field) else None
