"""The tests that docs/guarantees.md names, and what became of them in this session."""

from __future__ import annotations

import ast
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "guarantees.md"
# Where it is set, a promise whose test was skipped fails the session; elsewhere it is told.
STRICT = "MIGRATE_TEST_GUARANTEES"
_SKIPPED = re.compile(r"\bmark\.skip\b")  # with or without a reason; skipif may run, and is watched
_NAMED = re.compile(r"`(tests/[\w/]+\.py)::((?:\w+::)?\w+)`")


@dataclass(frozen=True, slots=True, order=True)
class NamedTest:
    """A test function, all of whose cases prove a promise."""

    file: str
    function: str

    def __str__(self) -> str:
        return f"{self.file}::{self.function}"

    @property
    def exists(self) -> bool:
        """Whether the file has such a test where pytest finds it, and it is not one that is always skipped."""
        path = ROOT / self.file
        return path.is_file() and is_collected(path.read_text(encoding="utf-8"), self.function)


def is_collected(source: str, function: str) -> bool:
    """Whether a test file of that source has that test (`test_name` or `TestClass::test_name`), not always skipped."""
    *classes, name = function.split("::")
    body = ast.parse(source).body
    for each in classes:
        holder = next((node for node in body if isinstance(node, ast.ClassDef) and node.name == each), None)
        if holder is None or not each.startswith("Test") or _is_skipped(body, holder):
            return False
        body = holder.body
    test = next((node for node in body if isinstance(node, ast.FunctionDef) and node.name == name), None)
    return test is not None and name.startswith("test_") and not _is_skipped(body, test)


def _is_skipped(body: list[ast.stmt], node: ast.ClassDef | ast.FunctionDef) -> bool:
    """Whether a mark of its own, or one of the file or class around it (`pytestmark`), always skips it."""
    around = (
        each.value
        for each in body
        if isinstance(each, ast.Assign) and any(ast.unparse(name) == "pytestmark" for name in each.targets)
    )
    return any(_SKIPPED.search(ast.unparse(each)) for each in (*node.decorator_list, *around))


def named_tests(text: str) -> tuple[NamedTest, ...]:
    """Every test that the text names, each once."""
    return tuple(sorted({NamedTest(file, function) for file, function in _NAMED.findall(text)}))


@dataclass(slots=True)
class Watch:
    """Notes which of the named tests were skipped, case by case."""

    named: frozenset[str] = field(
        default_factory=lambda: frozenset(str(each) for each in named_tests(PAGE.read_text(encoding="utf-8")))
    )
    skipped: dict[str, str] = field(default_factory=dict)  # test with its case -> why

    def note(self, nodeid: str, why: str) -> None:
        """A test was skipped; of a file or a class that is skipped as a whole, the id is its own."""
        test = nodeid.partition("[")[0]
        if any(each == test or each.startswith(f"{test}::") for each in self.named):
            self.skipped[nodeid] = why

    @property
    def is_broken(self) -> bool:
        """Whether a promise was not proved where all must be."""
        return bool(self.skipped) and bool(os.environ.get(STRICT))
