"""The other side of the runner: starts watched commands and tells how they ended and which points they passed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from coordinator.postgres.url import as_words
from tests.kills.points import Point

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from coordinator.model.target import DatabaseUrl

REPOSITORY = Path(__file__).resolve().parents[2]
KILLED = -signal.SIGKILL
_PATIENCE = 120.0  # seconds that a command may take
_PASSED = ("PATH", "HOME", "LANG", "MIGRATE_PG_BIN", "MIGRATE_PG_PROVIDERS", "MIGRATE_CACHE_DIR")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a watched command ended; `code` is negative for a signal, None when it never ended by itself."""

    arguments: tuple[str, ...]
    code: int | None
    out: str
    err: str
    points: tuple[Point, ...]

    @property
    def said(self) -> str:
        """Everything it wrote, on one line."""
        return " ".join(f"{self.out} {self.err}".split())

    def __str__(self) -> str:
        return f"$ migrate {' '.join(self.arguments)}   → {self.code}\n{self.out}{self.err}".rstrip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """A command at work."""

    pid: int
    arguments: tuple[str, ...]
    files: Path

    def kill(self) -> None:
        """SIGKILL to it and what it started; nothing happens when it has ended."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            return


class Runner:
    """Forks of one process that has imported everything, for the length of a `with` block."""

    def __init__(self, folder: Path) -> None:
        """`folder`: for what the commands write to their streams."""
        self._folder = folder
        self._count = 0

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.kills.runner"],
            cwd=REPOSITORY,
            env={**{name: os.environ[name] for name in _PASSED if name in os.environ}, "PYTHONHASHSEED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(30)
        self._process.stdout.close()

    def start(
        self,
        *arguments: str,
        root: Path,
        url: DatabaseUrl,
        state: Path,
        at: int | None = None,
        how: str = "kill",
        addresses: Mapping[str, str] | None = None,
    ) -> Started:
        """Start a command on a target, to be struck at a point; `addresses` are what the strike needs."""
        self._count += 1
        files = self._folder / str(self._count)
        temporary = self._folder / "tmp"
        temporary.mkdir(exist_ok=True)
        environment = {name: os.environ[name] for name in _PASSED if name in os.environ}
        words = (arguments[0], "--database-url", as_words(url.parameters), *arguments[1:])
        answer = self._ask(
            {
                "do": "start",
                "arguments": words,
                "folder": str(root),
                "environment": {
                    **environment,
                    "MIGRATE_STATE_DIR": str(state),
                    "TMPDIR": str(temporary),
                    "PYTHONDONTWRITEBYTECODE": "1",
                },
                "log": f"{files}.points",
                "out": f"{files}.out",
                "err": f"{files}.err",
                "at": at,
                "how": how,
                **(addresses or {}),
            }
        )
        assert isinstance(answer["pid"], int)
        return Started(pid=answer["pid"], arguments=arguments, files=files)

    def end(self, started: Started) -> Ended:
        """Wait for a command."""
        answer = self._ask({"do": "end", "pid": started.pid, "patience": _PATIENCE})
        texts = {}
        for name in ("points", "out", "err"):
            file = started.files.with_suffix(f".{name}")
            texts[name] = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
            file.unlink(missing_ok=True)
        return Ended(
            arguments=started.arguments,
            code=answer["code"],
            out=texts["out"],
            err=texts["err"],
            points=tuple(Point.from_json(json.loads(line)) for line in texts["points"].splitlines()),
        )

    def _ask(self, request: dict[str, object]) -> dict[str, int | None]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the runner has ended"
        answer: dict[str, int | None] = json.loads(line)
        return answer
