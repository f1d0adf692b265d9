"""What a server's refusal or a lost connection means while nothing of a run is in yet."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError, RefusedError, UnreachableError
from coordinator.execution.interrupts import shielded
from coordinator.model.run import RunStatus
from coordinator.postgres.failure import ConnectionLostError, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.ledger.store import Ledger

_NO_RIGHT = "42501"


@contextmanager
def told_as_untouched() -> Iterator[None]:
    """Turn what the server says into the exit codes of a target that was not touched.

    The executor has its own words for the same failures while it writes, so none of them gets here from there.
    """
    try:
        yield
    except ConnectionLostError as error:
        raise UnreachableError(error.message, help="no module was touched; try again") from error
    except StatementError as error:
        if error.sqlstate != _NO_RIGHT:
            raise RefusedError(f"the server refused: {error}", help="no module was touched") from error
        raise UnreachableError(
            f"the role lacks a right that this needs: {error.message}",
            help="`migrate check --rights` prints the GRANT statements; no module was touched",
        ) from error


@contextmanager
def nothing_in_yet(ledger: Ledger, run: int) -> Iterator[None]:
    """Settle a run in the ledger when something stops it before its first step; else it would seem cut off."""
    try:
        yield
    except BaseException:
        with shielded(), suppress(CoordinatorError):
            ledger.finish_run(run, RunStatus.REVERSED, error="it ended before its first step")
        raise
