"""Every failure this program raises on purpose, and the exit code each one means.

    CoordinatorError
    ├── UsageError            2   settings, arguments, the map, a revision that cannot be loaded
    │   ├── SettingsError
    │   ├── MapError
    │   └── RevisionError
    ├── RefusedError          1   the answer is no, before any write to the target
    ├── ReversedError         3   writing had begun, failed, and everything is as it was
    ├── UnsettledError        4   not everything could be taken back; a person must look
    ├── LockHeldError         5   another run holds the lock
    └── UnreachableError      6   something needed cannot be reached, nothing was touched

A message is one sentence; `help` says what to do next; `details` are lines shown below it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from coordinator.model.finding import Finding


class CoordinatorError(Exception):
    """Something this program expected could go wrong, and did."""

    exit_code: ClassVar[int] = 2

    def __init__(self, message: str, *, help: str | None = None, details: tuple[str, ...] = ()) -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.help = help
        self.details = details


class UsageError(CoordinatorError):
    """The command, the settings or a file it reads is not right."""

    exit_code = 2


class SettingsError(UsageError):
    """The settings cannot be used as they are."""


class FindingsError(CoordinatorError):
    """Several problems, told together; each finding has its place and its remedy."""

    def __init__(self, message: str, findings: tuple[Finding, ...], *, help: str | None = None) -> None:  # noqa: A002
        super().__init__(message, help=help)
        self.findings = findings


class MapError(FindingsError, UsageError):
    """The database map cannot be read."""

    exit_code = 2


class RevisionError(FindingsError, UsageError):
    """A module's revisions cannot be loaded."""

    exit_code = 2


class RefusedError(FindingsError):
    """The answer is no, and the target has not had a single write."""

    exit_code = 1

    def __init__(self, message: str, findings: tuple[Finding, ...] = (), *, help: str | None = None) -> None:  # noqa: A002
        super().__init__(message, findings, help=help)


class ReversedError(CoordinatorError):
    """Writing had begun, a step failed, and everything is as it was."""

    exit_code = 3


class UnsettledError(CoordinatorError):
    """A failure left something behind, or an earlier run is unfinished; a person must look."""

    exit_code = 4


class LockHeldError(CoordinatorError):
    """Another run holds the lock, or another session keeps an older ledger from being brought up to date."""

    exit_code = 5


class UnreachableError(CoordinatorError):
    """A server, an engine or a login that is needed cannot be reached; nothing was touched."""

    exit_code = 6
