"""A point: one moment of a command at which the world outside it is about to change, or to be asked."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import FrameType

LOOK, REHEARSE, APPLY, ROLL_BACK, RECOVER = "look", "rehearse", "apply", "roll back", "recover"

# The first of these that a frame of the stack belongs to names the phase: a rehearsal is one in a rollback too.
_PHASES: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...] = (
    (
        REHEARSE,
        (
            "coordinator.workflow.rehearse",
            "coordinator.workflow.baseline.",
            "coordinator.execution.rehearsal",
            "coordinator.staging.",
        ),
        (),
    ),
    (RECOVER, ("coordinator.workflow.recover", "coordinator.workflow.half_done"), ()),
    (ROLL_BACK, ("coordinator.execution.rollback",), ("_take_back",)),
    (
        APPLY,
        (
            "coordinator.execution.executor",
            "coordinator.execution.segment",
            "coordinator.workflow.writing",
            "coordinator.workflow.before_writing",
        ),
        ("_apply",),
    ),
)
_DROPPED = re.compile(r"migrate_\d+_[0-9a-f]{12}|made by \S+|\b[0-9a-f]{8,}\b|\d+")

# Everything else is read: queries, settings, and what is thrown away.
_KINDS = {
    "savepoint": ("BEGIN", "START", "ROLLBACK", "SAVEPOINT", "RELEASE"),
    "commit": ("COMMIT", "END"),
    "write": ("INSERT", "UPDATE", "DELETE", "MERGE"),
    "ddl": ("CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE", "TRUNCATE", "REINDEX"),
    "lock": ("LOCK",),
}
_VERBS = {verb: kind for kind, verbs in _KINDS.items() for verb in verbs}


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """The `number`-th point of a command; `what` has no pids, times or random names, so that it is always the same."""

    number: int
    phase: str
    kind: str
    what: str

    def __str__(self) -> str:
        return f"{self.number} ({self.phase}, {self.kind}): {self.what}"

    @property
    def sort(self) -> tuple[str, str]:
        """Phase and kind."""
        return self.phase, self.kind

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Point:
        return cls(**value)


def kind_of(sql: str) -> str:
    """What sort of statement it is, by its first word: savepoint, commit, write, ddl, lock or read."""
    words = sql.split(None, 1)
    verb = words[0].upper().rstrip(";") if words else ""
    return "lock" if verb == "SELECT" and "advisory" in sql else _VERBS.get(verb, "read")


def phase_here() -> str:
    """The phase of the code that is running, by its callers."""
    names: set[str] = set()
    functions: set[str] = set()
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__", "")
        if name.startswith("coordinator."):
            names.add(name)
            functions.add(frame.f_code.co_name)
        frame = frame.f_back
    for phase, modules, called in _PHASES:
        if functions.intersection(called) or any(name.startswith(modules) for name in names):
            # What `migrate rollback` carries out is the rolling back.
            return (
                ROLL_BACK
                if phase == APPLY and "coordinator.workflow.rolling_back.rollback" in names
                else phase
            )
    return LOOK


def plain(text: str) -> str:
    """Without what differs from run to run, and short."""
    return _DROPPED.sub("#", " ".join(text.split()))[:160]


def plain_path(path: str) -> str:
    """A path without the folder it is in when that is the temporary one, where names are random."""
    folder = os.environ.get("TMPDIR", "/tmp")
    return "temporary" if path.startswith(folder) else path


def folded(points: Iterable[Point]) -> tuple[Point, ...]:
    """Without the reads that come right after another read: nothing outside the process is different there."""
    kept: list[Point] = []
    last = ""
    for each in points:
        if each.kind != "read" or last != "read":
            kept.append(each)
        last = each.kind
    return tuple(kept)
