"""Where a plan is rehearsed, and what a rehearsal that was killed leaves behind."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class StagingKind(Enum):
    """The three ways to a throw-away database."""

    CONTAINER = "container"
    EMBEDDED = "embedded"
    SERVER = "server"


class LeftoverKind(Enum):
    """What can be left behind."""

    CONTAINER = "container"
    DATABASE = "database"
    DIRECTORY = "directory"
    PROCESS = "process"
    ROLE = "role"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingAwaited:
    """Another process makes or drops something on the staging server, and is waited for since so many seconds."""

    holder: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StagingLeft:
    """A staging database that could not be dropped stays behind; it says nothing about what ran there."""

    name: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """One thing that this program made and that nobody alive uses."""

    kind: LeftoverKind
    name: str  # a container's id, a database's or a role's name, a directory
    place: str  # where it is, for people: an engine, a server, a folder
    reason: str  # why it is known to be left, as part of a sentence
