"""What a plan demands of rows and what came of it, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionOutcome
from coordinator.reports.wording import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.precondition import PreconditionResult


def precondition_lines(results: Iterable[PreconditionResult]) -> tuple[str, ...]:
    """How many demands hold, then each that was not looked at, with the reason; nothing where nothing is demanded.

    Those that could have been looked at are findings already, and are only counted here.
    """
    told = tuple(results)
    if not told:
        return ()
    of = {outcome: sum(each.outcome is outcome for each in told) for outcome in PreconditionOutcome}
    parts = [f"{counted(len(told), 'demand')} on rows: {of[PreconditionOutcome.HOLDS]} met"]
    if of[PreconditionOutcome.VIOLATED]:
        parts.append(f"{of[PreconditionOutcome.VIOLATED]} violated")
    if of[PreconditionOutcome.NOT_CHECKED]:
        parts.append(f"{of[PreconditionOutcome.NOT_CHECKED]} not checked")
    return (
        ", ".join(parts),
        *(
            one_line(f"not checked: {each.precondition.what} ({each.precondition.key}): {each.why}")
            for each in told
            if each.outcome is PreconditionOutcome.NOT_CHECKED and not each.mendable
        ),
    )
