"""What a revision file declares at its top, read from its syntax tree: nothing in it is run."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The module-level names that are read: Alembic's, then ours (docs/authoring.md).
NAMES: Final = (
    "revision",
    "down_revision",
    "depends_on",
    "branch_labels",
    "requires",
    "seen",
    "touches",
    "irreversible",
    "deletes_rows",
    "waive",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """The declared names with their values and lines; `computed` are those only running the file can tell."""

    values: Mapping[str, object]
    lines: Mapping[str, int]
    computed: tuple[str, ...] = ()
    message: str = ""  # the docstring's first line
    migrates: bool = False  # it defines `upgrade`


def read_header(tree: ast.Module) -> Header:
    """The header of a parsed file. A name is computed when any of its assignments is no plain literal."""
    values: dict[str, object] = {}
    lines: dict[str, int] = {}
    computed: dict[str, None] = {}
    for name, value, line in _assignments(tree.body):
        if name not in NAMES:
            continue
        lines[name] = line
        if value is None:
            computed[name] = None
            continue
        try:
            values[name] = ast.literal_eval(value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            computed[name] = None
    text = (ast.get_docstring(tree) or "").strip()
    return Header(
        values={name: value for name, value in values.items() if name not in computed},
        lines=lines,
        computed=tuple(computed),
        message=text.partition("\n")[0].strip(),
        migrates=any(isinstance(each, ast.FunctionDef) and each.name == "upgrade" for each in tree.body),
    )


def _assignments(body: list[ast.stmt]) -> Iterator[tuple[str, ast.expr | None, int]]:
    """Every binding of a module-level name: the expression, or None where it is not a plain assignment."""
    for statement in body:
        if isinstance(statement, ast.Assign):
            for target in statement.targets:
                plain = isinstance(target, ast.Name)
                for name in _bound(target):
                    yield name, statement.value if plain else None, statement.lineno
        elif isinstance(statement, ast.AnnAssign):
            if statement.value is not None and isinstance(statement.target, ast.Name):
                yield statement.target.id, statement.value, statement.lineno
        elif not isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            for name in _bound(statement):
                yield name, None, statement.lineno


def _bound(node: ast.AST) -> Iterator[str]:
    """Names that a statement other than an assignment may bind: in a branch, a loop, an import."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id
        elif isinstance(each, ast.alias):
            yield each.asname or each.name
