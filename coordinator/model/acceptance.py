"""An edit of an applied revision that a person has accepted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.model.names import RevisionKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """Exactly this content (`digest`) of the revision's file is accepted, whatever was applied."""

    key: RevisionKey
    digest: str
    reason: str
    role: str
    host: str
    accepted: datetime
