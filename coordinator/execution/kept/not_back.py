"""What of a run's own destruction is not back after the run was taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.ledger.kept import read_destroyed
from coordinator.model.kept import Ending
from coordinator.postgres.keeping.outcome import is_unproved

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.capture import Direction
    from coordinator.model.kept import KeptData
    from coordinator.postgres.session import Session


def not_back(session: Session, run: int, forward: Direction) -> tuple[KeptData, ...]:
    """What the run's steps destroyed and taking them back did not bring back whole, whoever took them back.

    Rows that others have changed since are as they want them, and are not counted. Only reads.
    """
    return tuple(
        each
        for each in read_destroyed(session, run, forward)
        if each.ending is not Ending.PUT_BACK
        or each.left_out
        or (each.conflicts and (each.copy is None or is_unproved(session, each.copy)))
    )


def surely(lost: Iterable[KeptData]) -> tuple[KeptData, ...]:
    """Those that are not back for certain, also where no rows are compared.

    Rows that a step which commits statement by statement has changed its opposite may have brought back itself.
    """
    return tuple(each for each in lost if each.ending is not Ending.COMMITTED)
