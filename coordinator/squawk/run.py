"""One question to squawk about all statements of a run: one process, nothing written to a file, no values sent."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from coordinator.sql.parser import bare, parse
from coordinator.sql.tree import SqlSyntaxError
from coordinator.squawk.program import SquawkError, ask

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

SYNTAX_ERROR: Final = "syntax-error"
# These only move rows, and squawk has no rule about them; they may be megabytes of values, not worth being parsed.
_ROWS_ONLY: Final = frozenset(
    {"insert_stmt", "select_stmt", "copy_stmt", "explain_stmt", "variable_show_stmt"}
)
_BEGINS_ROWS_ONLY = re.compile(r"\s*(?:insert|select|with|values|copy|table|show|explain)\b", re.IGNORECASE)
_MAKES_TABLE = re.compile(r"\s*create\s+(?:\w+\s+){0,2}(?:table|schema)\b", re.IGNORECASE)
_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class LintStatement:
    """One text that a revision sends, inside the run's transaction or by itself."""

    sql: str
    autocommit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """What squawk says of the statement at that place of those it was given.

    `rule` is squawk's own name of it, or SYNTAX_ERROR for a text that it cannot read, which was then left out.
    `times`: how often it says it of this one statement.
    """

    statement: int
    rule: str
    message: str
    help: str | None = None
    times: int = 1


def lint_sql(
    program: Path, statements: Sequence[LintStatement], *, server_version: int, include: Collection[str] = ()
) -> tuple[Violation, ...]:
    """Everything that squawk says of these statements, in their order; `include` are rules it asks on demand only.

    Texts go to it on its standard input, without literals and comments. One that it cannot read spoils its answer about
    all the others, so it is asked again without that one. Raises SquawkError when it fails.
    """
    document = _Document(statements)
    arguments = (
        *("--config", "/dev/null", "--reporter", "json"),
        *("--pg-version", f"{server_version // 10_000}.{server_version % 10_000}"),
        *(word for rule in sorted(include) for word in ("--include", rule)),
    )
    unread: dict[int, Violation] = {}
    for _ in range(_TRIES):
        found = _answer(ask(program, arguments, document.text(without=unread.keys())), document)
        refused = {each.statement: each for each in found if each.rule == SYNTAX_ERROR}
        if not refused:
            return tuple(sorted((*_counted(found), *unread.values()), key=lambda each: each.statement))
        unread.update(refused)
    raise SquawkError(
        f"squawk cannot read {len(unread)} statements and what stands near them, so its rules were not asked",
        help='report this with the statements; `squawk = "off"` in [tool.migrate.lint] does without it',
    )


class _Document:
    """The text that squawk reads: one statement a line, and between them what tells where transactions are.

    Statements that make tables stand last. Squawk excuses what is done to a table made above, and knows tables by the
    name that is written: a module's `orders` would excuse every other module's. What is new in a run, we know.
    """

    def __init__(self, statements: Sequence[LintStatement]) -> None:
        self._lines: list[tuple[int | None, str]] = []
        inside = False
        numbered = sorted(enumerate(statements), key=lambda each: _MAKES_TABLE.match(each[1].sql) is not None)
        for index, each in numbered:
            text = _line(each.sql)
            if not text:
                continue
            if inside is each.autocommit:
                self._lines.append((None, "COMMIT;" if inside else "BEGIN;"))
                inside = not inside
            self._lines.append((index, text))
        if inside:
            self._lines.append((None, "COMMIT;"))

    def text(self, *, without: Collection[int]) -> str:
        """The whole; a statement that is left out leaves its line empty."""
        return "\n".join("" if index in without else line for index, line in self._lines) + "\n"

    def statement(self, line: int, rule: str) -> int | None:
        """Which statement is meant by that line, counted from 0; None: a line of ours, or none.

        Where a text cannot be read, what follows it may be blamed for it.
        """
        meant = self._lines[: line + 1] if 0 <= line < len(self._lines) else []
        if rule == SYNTAX_ERROR:
            return next((index for index, _ in reversed(meant) if index is not None), None)
        return meant[-1][0] if meant else None


def _line(sql: str) -> str:
    """The statement as squawk gets it; "" for one that it has no rule about, and for one that is no SQL."""
    if _BEGINS_ROWS_ONLY.match(sql) and ";" not in sql.rstrip("; \n"):
        return ""
    try:
        trees = parse(sql)
        if trees and all(each.kind in _ROWS_ONLY for each in trees):
            return ""
        text = bare(sql).rstrip("; ")
    except SqlSyntaxError:
        return ""  # the rehearsal will say it better
    return f"{text};" if text else ""


def _answer(output: str, document: _Document) -> list[Violation]:
    try:
        told = json.loads(output)
        return [
            Violation(
                statement=statement,
                rule=str(each["rule_name"]),
                message=str(each["message"]),
                help=each["help"] and str(each["help"]),
            )
            for each in told
            if (statement := document.statement(int(each["line"]), str(each["rule_name"]))) is not None
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise SquawkError(
            "squawk answered something that cannot be read, so its rules were not asked",
            help="pip install --upgrade 'migration-coordinator[lint]'",
        ) from error


def _counted(found: list[Violation]) -> list[Violation]:
    """Each rule once a statement: a table of nine such columns is one finding."""
    counts: dict[tuple[int, str], list[Violation]] = {}
    for each in found:
        counts.setdefault((each.statement, each.rule), []).append(each)
    return [
        Violation(
            statement=some[0].statement,
            rule=some[0].rule,
            message=some[0].message,
            help=some[0].help,
            times=len(some),
        )
        for some in counts.values()
    ]
