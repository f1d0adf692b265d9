"""A digest of what a revision's code does: comments, docstrings, layout and annotations do not count."""

from __future__ import annotations

import ast
import functools
import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

# Not part of the meaning, or not the same under every version of Python.
_IGNORED_FIELDS = frozenset(
    {"ctx", "kind", "type_comment", "type_ignores", "annotation", "returns", "simple"}
)
# Moving the end of a waiver is no edit of the migration.
_IGNORED_NAMES = frozenset({"waive"})


def digest_of(source: str) -> str:
    """SHA-256 in hexadecimal of a file's normalised syntax tree. Raises SyntaxError when it is not Python."""
    return digest_of_tree(ast.parse(source))


def digest_of_tree(tree: ast.Module) -> str:
    """The same for a tree that is parsed already.

    Our own writer and not `ast.dump`: a ledger is read by other versions of Python, whose dumps differ.
    """
    parts: list[str] = []
    _write_body(_ordered(tree.body), parts)
    return hashlib.sha256("".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _write(value: object, parts: list[str]) -> None:
    if isinstance(value, ast.AST):
        if isinstance(value, ast.AnnAssign) and value.value is not None:
            value = ast.Assign(targets=[value.target], value=value.value)
        parts.append(type(value).__name__ + "(")
        for name in _counted(value._fields):
            item = getattr(value, name, None)
            if item == [] or (item is None and name != "value"):
                continue  # newer versions of Python have more of these: type_params, for one
            parts.append(name + "=")
            if name == "body" and isinstance(item, list):
                _write_body(item, parts)
            else:
                _write(item, parts)
        parts.append(")")
    elif isinstance(value, list):
        parts.append("[")
        for item in value:
            _write(item, parts)
        parts.append("]")
    else:
        parts.append(repr(value) + ",")


@functools.cache
def _counted(fields: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in fields if name not in _IGNORED_FIELDS)


def _write_body(body: list[ast.stmt], parts: list[str]) -> None:
    """Statements without docstrings; a body that was nothing else counts as `pass`."""
    rest = [statement for statement in body if not _is_text(statement)]
    _write(rest or [ast.Pass()], parts)


def _is_text(statement: ast.stmt) -> bool:
    """A text that stands alone does nothing, wherever it stands."""
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def _ordered(body: list[ast.stmt]) -> list[ast.stmt]:
    """The module's statements, its imports first and sorted as tools sort them, one name each."""
    imports = sorted({key: one for each in body for key, one in _imports(each)}.items())
    rest = [
        each for each in body if not isinstance(each, ast.Import | ast.ImportFrom) and not _is_ignored(each)
    ]
    return [*(one for _, one in imports), *rest]


def _imports(statement: ast.stmt) -> Iterator[tuple[str, ast.stmt]]:
    if isinstance(statement, ast.Import):
        for name in statement.names:
            yield f"import {name.name} as {name.asname}", ast.Import(names=[name])
    elif isinstance(statement, ast.ImportFrom) and statement.module != "__future__":
        for name in statement.names:
            one = ast.ImportFrom(module=statement.module, names=[name], level=statement.level)
            yield f"from {statement.level} {statement.module} import {name.name} as {name.asname}", one


def _is_ignored(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Assign):
        return all(
            isinstance(target, ast.Name) and target.id in _IGNORED_NAMES for target in statement.targets
        )
    return (
        isinstance(statement, ast.AnnAssign)
        and isinstance(statement.target, ast.Name)
        and statement.target.id in _IGNORED_NAMES
    )
