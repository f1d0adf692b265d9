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
        """Whether the file has such a test, and it is not one that is always skipped."""
        path = ROOT / self.file
        if not path.is_file():
            return False
        return any(
            isinstance(node, ast.FunctionDef)
            and node.name == self.function.rpartition("::")[2]
            and not any("mark.skip(" in ast.unparse(each) for each in node.decorator_list)
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        )


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
        """A test was skipped."""
        if nodeid.partition("[")[0] in self.named:
            self.skipped[nodeid] = why

    @property
    def is_broken(self) -> bool:
        """Whether a promise was not proved where all must be."""
        return bool(self.skipped) and bool(os.environ.get(STRICT))
