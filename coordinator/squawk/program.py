"""Squawk's program: where it is, and whether it is one that we can read."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

#: The oldest squawk whose rules and output are those that we know.
OLDEST: Final = (2, 60)
_INSTALL: Final = "pip install 'migration-coordinator[lint]'"
_SECONDS: Final = 60.0
_VERSION = re.compile(r"\b(\d+)\.(\d+)(?:\.\d+)?\b")


class SquawkError(Exception):
    """Squawk cannot be asked: it is not there, too old, or failed. The message is one sentence, `help` the remedy."""

    def __init__(self, message: str, *, help: str) -> None:  # noqa: A002 - the name in Finding
        super().__init__(message)
        self.message = message
        self.help = help


def find_squawk(*, beside: Path | None = None) -> Path:
    """The program that the wheel `squawk-cli` put beside our interpreter, or else one on PATH.

    `beside` is another folder to look in first. Raises SquawkError when there is none, or when it is too old.
    """
    folder = beside or Path(sys.executable).parent
    name = "squawk.exe" if os.name == "nt" else "squawk"
    own = folder / name
    found = str(own) if os.access(own, os.X_OK) else shutil.which("squawk")
    if found is None:
        raise SquawkError("squawk is not installed, so its rules were not asked", help=_INSTALL)
    program = Path(found)
    version = _version(program)
    if version is None or not OLDEST <= version < (OLDEST[0] + 1, 0):
        shown = "of a version that it does not tell" if version is None else "{}.{}".format(*version)
        wanted = f"{OLDEST[0]}.{OLDEST[1]} or a later {OLDEST[0]}.x"
        raise SquawkError(
            f"{program} is squawk {shown}, and {wanted} is needed, so its rules were not asked", help=_INSTALL
        )
    return program


def ask(program: Path, arguments: tuple[str, ...], text: str = "") -> str:
    """Run squawk with that on its standard input and give what it prints.

    It gets no environment and no folder of ours: what a `.squawk.toml` or a variable says is not ours to follow.
    Raises SquawkError when it cannot be run or fails.
    """
    try:
        done = subprocess.run(
            [str(program), *arguments],
            input=text.encode(),
            capture_output=True,
            timeout=_SECONDS,
            cwd=Path(program.anchor),
            env={},
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = (
            error.strerror if isinstance(error, OSError) else f"it did not answer in {_SECONDS:.0f} seconds"
        )
        raise SquawkError(f"{program} cannot be run: {reason}", help=_INSTALL) from error
    if done.returncode not in (0, 1):  # 1: it found something
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise SquawkError(
            f"squawk failed with exit code {done.returncode}: {said[0] if said else 'it said nothing'}",
            help=_INSTALL,
        )
    return done.stdout.decode(errors="replace")


def _version(program: Path) -> tuple[int, int] | None:
    found = _VERSION.search(ask(program, ("--version",)))
    return None if found is None else (int(found[1]), int(found[2]))
