"""What in an author's Python is called a password, a token or a key. Pure."""

from __future__ import annotations

import ast
import re
import warnings
from typing import TYPE_CHECKING

from coordinator.model.plain_secrets import LEFT_OUT

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = (
    r"(?:\w*(?:password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key)\w*"
    r"|\w+(?<!primary_)(?<!foreign_)key)"
)
_NAME = re.compile(NAMES, re.IGNORECASE)
_LINE_END = re.compile(rb"\r\n|\r|\n")


def without_named_secrets(python: str) -> tuple[str, int]:
    """Python in which every text that goes to such a name is replaced, and how many there were.

    Raises SyntaxError, ValueError, RecursionError or MemoryError for what is no Python.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of escapes that the author wrote
        tree = ast.parse(python)
    source = python.encode()
    lines = [0, *(found.end() for found in _LINE_END.finditer(source))]
    texts = {_span(each, lines): each for value in _named(tree) for each in _texts(value)}
    count = 0
    for (start, end), text in sorted(
        texts.items(), reverse=True
    ):  # from the end, so that the places before stay
        if isinstance(text, ast.Constant) and text.value in ("", b"", LEFT_OUT, LEFT_OUT.encode()):
            continue
        prefix = "b" if isinstance(text, ast.Constant) and isinstance(text.value, bytes) else ""
        source = source[:start] + f'{prefix}"{LEFT_OUT}"'.encode() + source[end:]
        count += 1
    return source.decode(), count


def _span(node: ast.expr, lines: list[int]) -> tuple[int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return lines[node.lineno - 1] + node.col_offset, lines[node.end_lineno - 1] + node.end_col_offset


def _nodes(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes, an f-string as one: Python 3.11 does not know where the parts of one stand."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.JoinedStr):
            waiting.extend(ast.iter_child_nodes(node))


def _texts(value: ast.expr) -> Iterator[ast.expr]:
    for node in _nodes(value):
        if isinstance(node, ast.JoinedStr) or (
            isinstance(node, ast.Constant) and isinstance(node.value, (str, bytes))
        ):
            yield node


def _named(tree: ast.AST) -> Iterator[ast.expr]:
    """The expressions whose value gets a name that says what it is."""
    for node in _nodes(tree):
        for target, value in _given(node):
            if value is not None and any(_NAME.fullmatch(name) for name in _names(target)):
                yield value


def _given(node: ast.AST) -> Iterator[tuple[ast.AST | str | None, ast.expr | None]]:
    """What gets its value here, and the value."""
    match node:
        case ast.Assign():
            yield from ((target, node.value) for target in node.targets)
        case ast.AnnAssign() | ast.AugAssign() | ast.NamedExpr():
            yield node.target, node.value
        case ast.keyword():
            yield node.arg, node.value
        case ast.Dict():
            yield from zip(node.keys, node.values, strict=True)
        case ast.arguments():
            places = [*node.posonlyargs, *node.args]
            yield from zip((each.arg for each in reversed(places)), reversed(node.defaults), strict=False)
            yield from zip((each.arg for each in node.kwonlyargs), node.kw_defaults, strict=True)


def _names(target: ast.AST | str | None) -> Iterator[str]:
    """Each name in a target: `a.password`, `a["password"]`, `user, password`."""
    if isinstance(target, str):
        yield target
    elif target is not None:
        for node in ast.walk(target):
            match node:
                case ast.Name(id=name) | ast.Attribute(attr=name) | ast.Constant(value=str(name)):
                    yield name
