"""What a walk has struck, in a file that outlives it: one that was cut off goes on where it was."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.kills.points import Point


class LogError(Exception):
    """The file is no log, or tells of a walk over other points: of another program, or another server."""


@dataclass(frozen=True, slots=True)
class Log:
    """A line for each strike: its shape, how, the point's number, whether it failed, and all recorded points' digest.

    Several processes may add lines at the same time: each is one short write to the end of the file.
    """

    path: Path

    def struck(self, shape: str, how: str, points: Sequence[Point]) -> dict[int, bool]:
        """The numbers of the points struck before, and whether each failed.

        Raises LogError when other points than these were recorded then, and for a line that is none of a log.
        """
        found: dict[int, bool] = {}
        digest = _digest(points)
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        for place, line in enumerate(lines, start=1):
            try:
                told = json.loads(line)
                told_shape, told_how, told_digest = told["shape"], told["how"], told["points"]
                number, failed = told["number"], told["failed"]
            except (ValueError, LookupError, TypeError) as error:
                raise LogError(f"{self.path}:{place}: this tells of no strike; take another file") from error
            if (told_shape, told_how) != (shape, how):
                continue
            if told_digest != digest:
                raise LogError(f"{self.path}:{place}: {shape} had other points then; take another file")
            found[number] = failed
        return found

    def add(self, shape: str, how: str, points: Sequence[Point], point: Point, *, failed: bool) -> None:
        """Write down that a point was struck."""
        told = {
            "shape": shape,
            "how": how,
            "number": point.number,
            "failed": failed,
            "points": _digest(points),
        }
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(told) + "\n")


def _digest(points: Sequence[Point]) -> str:
    return hashlib.sha256("\n".join(map(str, points)).encode()).hexdigest()[:16]
