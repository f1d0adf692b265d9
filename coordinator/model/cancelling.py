"""What asking a run to stop came to."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelReport:
    """`run` is None when what was at work had no number yet, or nothing was; `said` is how it ended, a sentence."""

    target: str
    environment: str
    was_at_work: bool
    run: int | None
    status: str | None  # as the ledger says, such as "reversed"
    said: str
    help: str | None = None
