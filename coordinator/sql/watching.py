"""Reads queries as QueryReader does, and notes besides what is compared with what, and which literals stand there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.sql.nodes import given, name_of, strings
from coordinator.sql.queries import QueryReader

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.sql.reading import Reading
    from coordinator.sql.scope import Columns, Scope
    from coordinator.sql.tree import Node

_COMPARES = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})


@dataclass(frozen=True, slots=True)
class Named:
    """A column as it is written: it may be any of these, the first most likely."""

    candidates: tuple[ObjectName, ...]


class WatchingReader(QueryReader):
    """A QueryReader that knows more of each query than which objects it uses.

    `constants` are the texts in it. `compared` are pairs of columns on both sides of a comparison; the second is None
    when a number stands there. `computed` are columns with which more is done than to give, sort or compare them.
    """

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self.constants: set[str] = set()
        self.compared: list[tuple[Named, Named | None]] = []
        self.computed: set[ObjectName] = set()
        self._depth = 0
        self._plain_at = -1  # the depth at which a column is only given, sorted or compared
        self._seen: list[Named] = []

    def use(self, target: ObjectName, **details: object) -> None:
        """Note a use, and remember it for the comparison that it may stand in."""
        others = details.get("alternatives", ())
        assert isinstance(others, tuple)
        if target.kind is ObjectKind.COLUMN:
            self._seen.append(Named((target, *others)))
        super().use(target, **details)

    def targets(self, items: Iterable[Node], scope: Scope) -> Columns:
        """Read the columns of a result: those that stand there bare are only given."""
        outer, self._plain_at = self._plain_at, self._depth + 1
        found = super().targets(items, scope)
        self._plain_at = outer
        return found

    def read(self, node: Node, scope: Scope) -> None:
        """Read any node."""
        self._depth += 1
        kind = name_of(node)
        if kind == "A_Const":
            if node.HasField("sval"):
                self.constants.add(node.sval.sval)
        elif kind == "A_Expr" and _operator(node) in _COMPARES:
            self._comparison(node, scope)
        elif kind == "SortBy":
            self._plainly(node, scope)
        elif kind == "ColumnRef":
            self._column(node, scope)
        else:
            super().read(node, scope)
        self._depth -= 1

    def _column(self, node: Node, scope: Scope) -> None:
        plain = self._depth == self._plain_at
        before = len(self._seen)
        super().read(node, scope)
        if not plain:
            self.computed.update(each for named in self._seen[before:] for each in named.candidates)

    def _plainly(self, node: Node, scope: Scope) -> None:
        outer, self._plain_at = self._plain_at, self._depth + 1
        super().read(node, scope)
        self._plain_at = outer

    def _comparison(self, node: Node, scope: Scope) -> None:
        sides = [given(node, "lexpr"), given(node, "rexpr")]
        found: list[Named | None] = []
        outer, self._plain_at = self._plain_at, self._depth + 1
        for side in sides:
            if side is None:
                continue
            before = len(self._seen)
            self.read(side, scope)
            is_column = name_of(side) == "ColumnRef" and len(self._seen) > before
            found.append(self._seen[before] if is_column else None)
        self._plain_at = outer
        if len(found) == 2 and found[0] is not None and found[1] is not None:
            self.compared.append((found[0], found[1]))
        elif len(found) == 2:
            column = found[0] or found[1]
            if column is not None and any(_is_number(side) for side in sides if side is not None):
                self.compared.append((column, None))


def _operator(node: Node) -> str:
    words = strings(node.name)
    return words[-1] if words else ""


def _is_number(node: Node) -> bool:
    return name_of(node) == "A_Const" and (node.HasField("ival") or node.HasField("fval"))
