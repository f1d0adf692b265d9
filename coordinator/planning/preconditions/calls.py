"""Which functions an author's expressions call, and which types they name: these are used when the question is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.question import tables_of
from coordinator.sql.namespace import type_words
from coordinator.sql.nodes import children, name_of, strings
from coordinator.sql.parser import parse
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.question import Question, Term
    from coordinator.sql.tree import Node


def functions_called(question: Question) -> tuple[tuple[str, ...], ...]:
    """The names of all functions in the question's expressions, qualified where the author did."""
    called = (strings(each.funcname) for each in _nodes(question) if name_of(each) == "FuncCall")
    return tuple(dict.fromkeys(called))


def types_named(question: Question) -> tuple[tuple[str, ...], ...]:
    """The names of all types that the question casts to, qualified where the author did."""
    named = (type_words(each.type_name) for each in _nodes(question) if name_of(each) == "TypeCast")
    return tuple(dict.fromkeys(named))


def _nodes(question: Question) -> Iterator[Node]:
    for text in _expressions(question):
        try:
            trees = parse(f"SELECT {text}")
        except SqlSyntaxError:
            continue  # the server refuses it as well
        for tree in trees:
            yield from _below(tree.node)


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
    wanted = getattr(getattr(question, "test", None), "type", "")
    if wanted:
        yield f"NULL::{wanted}"


def _below(node: Node) -> Iterator[Node]:
    yield node
    for each in children(node):
        yield from _below(each)
