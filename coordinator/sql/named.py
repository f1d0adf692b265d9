"""Which tables a text names as what it acts on, and how it stands to transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind
from coordinator.sql.command import CommandKind, classify
from coordinator.sql.namespace import Namespace
from coordinator.sql.nodes import children, name_of, strings, unwrap, word
from coordinator.sql.parser import body_queries, parse
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.sql.tree import Node, Tree

Table = tuple[str, str]
_READS_OR_WRITES = frozenset(
    f"{each}_stmt"
    for each in ("select", "insert", "update", "delete", "merge", "copy", "do", "call", "explain")
)


def named_relations(sql: str, *, schema: str) -> frozenset[Table]:
    """Schema and name of every relation in the text, but for those that a foreign key only points at.

    `schema` is where unqualified names go. A text that cannot be parsed names none.
    """
    names = Namespace(schema)
    found: set[Table] = set()
    for tree in _trees(sql):
        found.update(_named(names, tree.node))
        if tree.kind == "drop_stmt":
            found.update(_dropped(names, tree.node))
        elif tree.kind == "comment_stmt":
            found.update(_commented(names, tree.node))
        elif tree.kind == "do_stmt":
            for body in _bodies(tree.sql):
                found.update(_named(names, body))
    return frozenset(found)


def is_definition(sql: str) -> bool:
    """Whether the text only changes definitions: what it reads, it reads whole, whatever a planner thinks."""
    trees = _trees(sql)
    return bool(trees) and all(each.kind not in _READS_OR_WRITES for each in trees)


def says_truncate(sql: str) -> bool:
    """Whether the text has a TRUNCATE, or a DO block with that word in it."""
    return any(
        each.kind == "truncate_stmt" or (each.kind == "do_stmt" and "truncate" in each.sql.lower())
        for each in _trees(sql)
    )


def stands_alone(sql: str) -> str:
    """The command that PostgreSQL refuses inside of a transaction, in its words, or nothing."""
    found = (classify(each) for each in _trees(sql))
    return next((each.verb for each in found if each.kind is CommandKind.ALONE), "")


def may_commit(sql: str) -> bool:
    """Whether the text runs code that may commit in the middle where it is not in a transaction: DO, or CALL."""
    return any(each.kind in {"do_stmt", "call_stmt"} for each in _trees(sql))


def _trees(sql: str) -> tuple[Tree, ...]:
    try:
        return parse(sql)
    except SqlSyntaxError:
        return ()


def _bodies(sql: str) -> Iterator[Node]:
    try:
        queries = body_queries(sql)
    except SqlSyntaxError:
        return
    for query in queries:
        yield from (each.node for each in _trees(f"SELECT {query.sql}" if query.expression else query.sql))


def _named(names: Namespace, node: Node) -> Iterator[Table]:
    kind = name_of(node)
    if kind == "RangeVar":
        relation = names.relation(node)
        yield relation.schema, relation.name
    for each in children(node):
        # `pktable` is the only relation inside of a constraint.
        if not (kind == "Constraint" and name_of(each) == "RangeVar"):
            yield from _named(names, each)


def _dropped(names: Namespace, node: Node) -> Iterator[Table]:
    whole = word(node, "remove_type") in {"OBJECT_TABLE", "OBJECT_VIEW", "OBJECT_MATVIEW"}
    part = word(node, "remove_type") in {"OBJECT_TRIGGER", "OBJECT_POLICY", "OBJECT_RULE"}
    for item in (unwrap(each) for each in node.objects) if whole or part else ():
        words = strings(item.items)
        relation = names.named(ObjectKind.RELATION, words if whole else words[:-1])
        yield relation.schema, relation.name


def _commented(names: Namespace, node: Node) -> Iterator[Table]:
    target = word(node, "objtype").removeprefix("OBJECT_")
    if target in {"TABLE", "VIEW", "MATVIEW", "COLUMN", "TABCONSTRAINT", "TRIGGER", "POLICY", "RULE"}:
        words = strings(unwrap(node.object).items)
        whole = target in {"TABLE", "VIEW", "MATVIEW"}
        relation = names.named(ObjectKind.RELATION, words if whole else words[:-1])
        yield relation.schema, relation.name
