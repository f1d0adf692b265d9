"""What steps are not going to bring back: their opposites destroyed it, and there is no copy of it (any more)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.ledger.kept import read_gone, read_overtaken
from coordinator.model.finding import Finding, Severity
from coordinator.model.kept import Ending

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.kept import KeptData
    from coordinator.model.plan import Step
    from coordinator.postgres.session import Session


def gone_findings(session: Session, steps: Sequence[Step]) -> tuple[Finding, ...]:
    """A warning for each loss that one of these steps does not make good. Only reads."""
    return tuple(
        Finding(
            rule="kept-data-gone",
            severity=Severity.WARNING,
            message=message,
            module=step.key.module,
            revision=step.key,
            place=step.place,
            help=f"`migrate history {each.run}` tells what was kept",
        )
        for step in steps
        for each, message in (
            *(
                (each, does_not_come_back(each))
                for each in read_gone(session, step.key, step.direction.opposite)
            ),
            *((each, overtaken(each)) for each in read_overtaken(session, step.key, step.direction.opposite)),
        )
    )


def not_compared(kept: KeptData) -> Finding:
    """The warning about rows that were changed without a copy and that may be back as they were, or not."""
    return Finding(
        rule="kept-data-gone",
        severity=Severity.WARNING,
        message=f"nobody compared whether {kept.loss} are as before: {kept.key}, which has changed them, commits statement by"
        " statement, and so no copy was made",
        module=kept.key.module,
        revision=kept.key,
    )


def overtaken(kept: KeptData) -> str:
    """The sentence about kept data of a run whose step somebody else has taken back and done again."""
    rows = f"1 row of {kept.loss} does" if kept.rows == 1 else f"{kept.rows:,} rows of {kept.loss} do"
    return (
        f"{rows} not come back: {kept.key} was taken out and came in again without us since it destroyed them; the"
        f" copy is migrate.{kept.copy}"
    )


def does_not_come_back(gone: KeptData) -> str:
    """The sentence about data that was destroyed and of which there is no copy."""
    if gone.ending is Ending.DISCARDED:
        return f"{gone.loss} does not come back: {gone.key} destroyed it with --discard"
    if gone.ending is Ending.OFF:
        return f"{gone.loss} does not come back: keeping was off when {gone.key} destroyed it"
    if gone.ending is Ending.COMMITTED:
        return f"{gone.loss} do not come back: {gone.key} commits statement by statement, and so no copy was made"
    if gone.ending is Ending.LEFT_OUT:
        return f"{gone.loss} does not come back: it is personal, and no copy was made when {gone.key} destroyed it"
    rows = "1 row of {} does" if gone.rows == 1 else f"{gone.rows:,} rows of {{}} do"
    if gone.ending is None:
        shown = rows.format(gone.loss)
        return f"{shown} not come back by themselves: nothing tells which rows they were; the copy is migrate.{gone.copy}"
    when = "" if gone.ended is None else f" on {gone.ended:%Y-%m-%d}"
    how = "has expired" if gone.ending is Ending.EXPIRED else "was erased"
    return f"{rows.format(gone.loss)} not come back: what {gone.key} destroyed {how}{when}"
