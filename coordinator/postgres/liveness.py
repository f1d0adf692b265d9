"""Lets the server notice that we are gone, so that nothing works on, or holds a lock, for nobody."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# A client that is gone is noticed after a minute at most, and in the middle of a statement after two seconds.
# Each alone: a platform that cannot do one of them refuses that one.
_SETTINGS = (
    "SET tcp_keepalives_idle = 30",
    "SET tcp_keepalives_interval = 10",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = '60s'",
    "SET client_connection_check_interval = '2s'",
)


def end_with_client(execute: Callable[[str], object], refused: type[Exception]) -> None:
    """Set that for a session; `refused` is what `execute` raises when the server does not take a setting."""
    try:
        execute("; ".join(_SETTINGS))  # one round trip where the server takes them all
    except refused:
        for each in _SETTINGS:
            with suppress(refused):  # the others still count
                execute(each)
