"""A revision that was rolled back on purpose and waits to be released."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.model.names import RevisionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """`key` is not applied again until it is released; the rollback `run` put it on hold at `since`."""

    key: RevisionKey
    run: int
    since: datetime
