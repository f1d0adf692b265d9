"""What of a run's own destruction is not back after the run was taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.ledger.kept import read_kept
from coordinator.model.kept import Ending

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.model.capture import Direction
    from coordinator.model.kept import KeptData
    from coordinator.postgres.session import Session


def not_back(
    session: Session, run: int, forward: Direction, unproved: Collection[int]
) -> tuple[KeptData, ...]:
    """What the run's steps destroyed and taking them back did not bring back whole.

    `unproved` are numbers of copies of which rows are not back though nobody is seen to have changed them. Rows that
    others have changed since are as they want them, and are not counted.
    """
    return tuple(
        each
        for each in read_kept(session, run=run)
        if each.run == run
        and each.direction is forward
        and (each.ending is not Ending.PUT_BACK or each.left_out or each.number in unproved)
    )
