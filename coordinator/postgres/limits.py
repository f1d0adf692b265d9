"""What a role or a database has set for its applications must not end our own short work on a server."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LIMITS_TRANSACTIONS = 170000  # server_version_num of the first release with transaction_timeout


def lift_limits(execute: Callable[[str], object], *, version: int, lock_wait: str = "0") -> None:
    """Let no time limit but `lock_wait` hold for the session behind `execute`, whose server has that version."""
    settings = {
        "statement_timeout": "0",
        "idle_session_timeout": "0",
        "lock_timeout": lock_wait,
        **({"transaction_timeout": "0"} if version >= _LIMITS_TRANSACTIONS else {}),
    }
    execute("; ".join(f"SET SESSION {name} = '{value}'" for name, value in settings.items()))
