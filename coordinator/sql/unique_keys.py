"""The unique keys that a command makes: by UNIQUE and PRIMARY KEY, and by CREATE UNIQUE INDEX."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.unique_key import UniqueKey
from coordinator.sql.constraints import constraint_name
from coordinator.sql.nodes import given, name_of, strings, unwrap, word
from coordinator.sql.tables import index_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coordinator.sql.namespace import Namespace
    from coordinator.sql.tree import Node, Tree

_UNIQUE = frozenset({"CONSTR_PRIMARY", "CONSTR_UNIQUE"})


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeKey:
    """One key of a relation, by the name of its constraint or index; `of` is the index that becomes the constraint."""

    relation: ObjectName
    name: ObjectName
    key: UniqueKey
    of: ObjectName | None = None


def unique_keys(names: Namespace, tree: Tree) -> Iterator[MadeKey]:
    """The keys that ON CONFLICT can rely on from here on; a deferrable one is none."""
    node = tree.node
    if tree.kind == "index_stmt" and node.unique:
        relation = names.relation(node.relation)
        name = ObjectName(ObjectKind.INDEX, relation.schema, index_name(relation, node))
        yield MadeKey(relation=relation, name=name, key=key_over(node.index_params, node))
    elif tree.kind == "create_stmt":
        yield from _of_elements(names.relation(node.relation), (unwrap(item) for item in node.table_elts))
    elif tree.kind == "alter_table_stmt":
        definitions = (given(item.alter_table_cmd, "def") for item in node.cmds)
        yield from _of_elements(names.relation(node.relation), (each for each in definitions if each))


def key_over(items: Iterable[Node], owner: Node) -> UniqueKey:
    """The key over these elements of an index, or of ON CONFLICT; `owner` has the WHERE."""
    elements = [item.index_elem for item in items]
    return UniqueKey(
        columns=frozenset(each.name for each in elements if each.name),
        computed=any(each.HasField("expr") for each in elements),
        partial=owner.HasField("where_clause"),
    )


def _of_elements(relation: ObjectName, elements: Iterable[Node]) -> Iterator[MadeKey]:
    for element in elements:
        if name_of(element) == "Constraint":
            yield from _of_constraint(relation, element, ())
        elif name_of(element) == "ColumnDef":
            for item in element.constraints:
                yield from _of_constraint(relation, item.constraint, (element.colname,))


def _of_constraint(relation: ObjectName, node: Node, behind: tuple[str, ...]) -> Iterator[MadeKey]:
    if word(node, "contype") not in _UNIQUE or node.deferrable:
        return
    columns = strings(node.keys) or behind
    index = ObjectName(ObjectKind.INDEX, relation.schema, node.indexname) if node.indexname else None
    yield MadeKey(
        relation=relation,
        name=constraint_name(relation, node, columns),
        key=UniqueKey(columns=frozenset(columns)),
        of=index,
    )
