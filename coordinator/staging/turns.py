"""Who makes a database on a staging server, or drops roles there, does so while nobody else does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.staging import StagingAwaited
from coordinator.postgres.roles import one_at_a_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from coordinator.model.target import DatabaseUrl
    from coordinator.postgres.session import Session
    from coordinator.staging.interface import Tell

_WAIT_TO_CLEAR = 10.0  # seconds


def turn(admin: DatabaseUrl, tell: Tell) -> AbstractContextManager[Session]:
    """Our turn on the server of `admin`; `tell` hears who has it before. UnreachableError when it does not come."""
    return one_at_a_time(admin, waiting=_teller(tell))


def turn_to_clear(admin: DatabaseUrl, tell: Tell) -> AbstractContextManager[Session]:
    """The same for what may also stay: a shorter wait."""
    return one_at_a_time(admin, waiting=_teller(tell), wait=_WAIT_TO_CLEAR)


def _teller(tell: Tell) -> Callable[[str, float], None]:
    return lambda holder, seconds: tell(StagingAwaited(holder=holder, seconds=seconds))
