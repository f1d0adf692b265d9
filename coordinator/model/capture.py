"""What a revision sent when it ran with nobody behind the pipe."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.names import RevisionKey


class Direction(enum.Enum):
    """Which of a revision's two functions."""

    UPGRADE = "upgrade"
    DOWNGRADE = "downgrade"

    @property
    def opposite(self) -> Direction:
        return Direction.DOWNGRADE if self is Direction.UPGRADE else Direction.UPGRADE


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One text of SQL as it would reach the server, parameters bound as literals; it may hold several commands."""

    sql: str
    line: int = 0  # in the revision's file; 0: sent by a helper the file does not show
    autocommit: bool = False  # sent inside `autocommit_block`
    reads: bool = False  # its rows were asked for: what follows depends on the database


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class InputFile:
    """A file that shaped what a revision did.

    `path` is seen from the module's folder, with slashes. `sha256` is that of its bytes in hexadecimal; empty when the
    file was looked for and was not there.
    """

    path: str
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """All that one direction of a revision sent, in order.

    `unknown` says why this may not be all ("asked the database at line 12"); a capture without it is complete.
    `error` is what the function raised, `error_line` where in the file.
    `withheld` are the environment variables it asked for and did not get; `connections` those it tried to open.
    `inputs` are its own file and those that it read or imported, directly or through others.
    """

    key: RevisionKey
    direction: Direction
    statements: tuple[Statement, ...] = ()
    unknown: tuple[str, ...] = ()
    error: str | None = None
    loaded: bool = True  # False: the file itself could not be imported
    error_line: int = 0
    empty: bool = False  # the function does nothing at all (`pass`)
    withheld: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    inputs: tuple[InputFile, ...] = ()

    @property
    def transactional(self) -> bool:
        """Whether it can share a transaction with other steps."""
        return not any(statement.autocommit for statement in self.statements)
