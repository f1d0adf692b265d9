"""Reads queries as QueryReader does, and notes besides what is compared with what, and which literals stand there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.beside import Beside, BesideKind
from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.sql.nodes import given, name_of, strings, unwrap
from coordinator.sql.queries import QueryReader

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coordinator.sql.reading import Reading
    from coordinator.sql.scope import Columns, Scope
    from coordinator.sql.tree import Node

_COMPARES = frozenset({"=", "<>", "!=", "<", ">", "<=", ">="})
_RANGES = frozenset({"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"})
# LIKE, ILIKE and SIMILAR TO are written as these operators too.
_MATCHES = frozenset({"~~", "!~~", "~~*", "!~~*", "~", "!~", "~*", "!~*"})
# Functions of PostgreSQL that take only a text where they take one value; `lower` and `upper` also take ranges.
_OF_TEXT = frozenset(
    {"lower", "upper", "initcap", "btrim", "ltrim", "rtrim", "char_length", "character_length"}
)


@dataclass(frozen=True, slots=True)
class Named:
    """A column as it is written: it may be any of these, the first most likely."""

    candidates: tuple[ObjectName, ...]


class WatchingReader(QueryReader):
    """A QueryReader that knows more of each query than which objects it uses.

    `constants` are the texts in it. `compared` are pairs of columns on both sides of a comparison; the second may also be
    what stands there in place of a column. `computed` are columns with which more is done than to give, sort or compare them.
    """

    def __init__(self, reading: Reading) -> None:
        super().__init__(reading)
        self.constants: set[str] = set()
        self.compared: list[tuple[Named, Named | Beside]] = []
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
        elif kind == "A_Expr" and _operator(node) in _COMPARES | _RANGES:
            self._comparison(node, scope)
        elif kind == "A_Expr" and _operator(node) in _MATCHES:
            self._given_as_text(node, [given(node, "lexpr")], _operator(node), scope)
        elif kind == "FuncCall" and _last(node.funcname) in _OF_TEXT and len(node.args) == 1:
            self._given_as_text(node, map(unwrap, node.args), f"{_last(node.funcname)}()", scope)
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
        columns = [each for each in found if each is not None]
        if len(columns) > 1:
            self.compared.append((columns[0], columns[1]))
        elif columns:
            self.compared.extend(
                (columns[0], each) for side in sides if side is not None for each in _beside(side)
            )

    def _given_as_text(self, node: Node, operands: Iterable[Node | None], words: str, scope: Scope) -> None:
        """Read a node that asks a text of these operands."""
        before = len(self._seen)
        super().read(node, scope)
        bare = [each for each in operands if each is not None and name_of(each) == "ColumnRef"]
        if bare and len(self._seen) > before:
            self.compared.append((self._seen[before], Beside(BesideKind.TEXT, words)))


def _operator(node: Node) -> str:
    return _last(node.name)


def _last(names: Iterable[Node]) -> str:
    words = strings(names)
    return words[-1] if words else ""


def _beside(side: Node) -> Iterator[Beside]:
    """The numbers and quoted texts that a side of a comparison is, or lists."""
    for each in side.items if name_of(side) == "List" else [side]:
        node = unwrap(each)
        if name_of(node) != "A_Const":
            continue
        if node.HasField("ival") or node.HasField("fval"):
            yield Beside(BesideKind.NUMBER)
        elif node.HasField("sval"):
            yield Beside(BesideKind.LITERAL, node.sval.sval)
