"""Which functions an author's expressions call: they run when the question is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.question import tables_of
from coordinator.sql.nodes import children, name_of, strings
from coordinator.sql.parser import parse
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.question import Question, Term
    from coordinator.sql.tree import Node


def functions_called(question: Question) -> tuple[tuple[str, ...], ...]:
    """The names of all functions in the question's expressions, qualified where the author did."""
    found: dict[tuple[str, ...], None] = {}
    for text in _expressions(question):
        try:
            trees = parse(f"SELECT {text}")
        except SqlSyntaxError:
            continue  # the server refuses it as well
        for tree in trees:
            found.update(dict.fromkeys(_calls(tree.node)))
    return tuple(found)


def _expressions(question: Question) -> Iterator[str]:
    for rows in tables_of(question):
        yield from (each.fill for each in rows.columns if each.fill)
    for name in ("condition", "where"):
        text = getattr(question, name, "")
        if text:
            yield text
    terms: tuple[Term, ...] = getattr(question, "terms", ())
    single = getattr(question, "term", None)
    for term in (*terms, *((single,) if single is not None else ())):
        if term.expression:
            yield term.expression


def _calls(node: Node) -> Iterator[tuple[str, ...]]:
    if name_of(node) == "FuncCall":
        yield strings(node.funcname)
    for each in children(node):
        yield from _calls(each)
