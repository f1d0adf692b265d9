"""One setting of a session for the length of a block."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.postgres.session import Session


@contextmanager
def set_during(session: Session, name: str, value: str) -> Iterator[None]:
    """Let the setting have that value during the block, which runs outside of any transaction."""
    before = session.value("SELECT current_setting(%s)", (name,))
    session.execute("SELECT set_config(%s, %s, false)", (name, value))
    try:
        yield
    finally:
        if not session.closed:
            session.execute("SELECT set_config(%s, %s, false)", (name, before))
