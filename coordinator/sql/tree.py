"""What parsing gives: the trees of commands, the queries of a function's body, or the mistake's place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

# libpg_query's protobuf messages are made at run time from a descriptor: no type checker knows their fields.
Node: TypeAlias = Any


class SqlSyntaxError(ValueError):
    """A text that the grammar refuses. `offset` counts characters from 0, `line` and `column` from 1."""

    def __init__(self, message: str, *, sql: str, offset: int) -> None:
        before = sql[:offset]
        self.reason = message
        self.offset = offset
        self.line = before.count("\n") + 1
        self.column = offset - (before.rfind("\n") + 1) + 1
        super().__init__(f"{message} (line {self.line}, column {self.column} of the statement)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """One command of a text: its own words, where they begin in it (in characters), and its syntax tree.

    `kind` is the grammar's name of the node, such as "select_stmt" or "alter_table_stmt"; `whole` holds the node.
    """

    sql: str
    offset: int
    kind: str
    node: Node
    whole: Node


@dataclass(frozen=True, slots=True, kw_only=True)
class BodyQuery:
    """One query or expression of a plpgsql body.

    `dynamic` is true for the argument of EXECUTE: it is an expression whose value is the query, so what that
    does cannot be known. `expression` is a bare expression, without the SELECT in front of it.
    """

    sql: str
    dynamic: bool = False
    expression: bool = False
