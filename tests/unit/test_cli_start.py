"""Starting `migrate` loads no more than it needs: help and completion are instant."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("alembic", "networkx", "postgast", "psycopg", "rich", "sqlalchemy", "testcontainers")
IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s*([\w.]+)$", re.MULTILINE)


def loaded_by(*arguments: str) -> tuple[set[str], int, str]:
    """The top-level names that a start of `migrate` imports, its exit code, and what it writes."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "coordinator", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return (
        {name.split(".")[0] for name in IMPORTED.findall(done.stderr)},
        done.returncode,
        done.stdout + done.stderr,
    )


@pytest.mark.parametrize(
    "arguments", [("--help",), ("--version",), ()], ids=["--help", "--version", "nothing"]
)
def test_help_loads_no_heavy_library(arguments: tuple[str, ...]) -> None:
    loaded, code, shown = loaded_by(*arguments)
    assert code == (0 if arguments else 2)
    assert "migrate" in shown
    assert {"click", "coordinator"} <= loaded
    assert loaded.isdisjoint(HEAVY)


def test_a_library_that_is_loaded_would_be_seen() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "import networkx, rich"],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert {"networkx", "rich"} <= {name.split(".")[0] for name in IMPORTED.findall(done.stderr)}


def test_a_mistyped_command_is_answered_with_the_nearest_one_and_loads_nothing_heavy() -> None:
    loaded, code, shown = loaded_by("all-module")
    assert code == 2
    assert "did you mean 'all-modules'?" in shown
    assert loaded.isdisjoint(HEAVY)
