"""How far the rehearsal's server is the one that the plan is for, in lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.sameness import Sameness
from coordinator.reports.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coordinator.model.sameness import Difference


def sameness_lines(compared: Sequence[Difference]) -> tuple[str, ...]:
    """What is otherwise: each difference in meaning by itself, the harmless ones by name; () where nothing was compared."""
    if not compared:
        return ()
    harmless = [each.what for each in compared if each.grade is Sameness.HARMLESS]
    grave = [each for each in compared if each.grade is Sameness.DIFFERS_IN_MEANING]
    same = counted(len(compared) - len(harmless) - len(grave), "thing")
    rest = f"; harmless: {', '.join(harmless)}" if harmless else ""
    return (
        f"its server and the target's: {same} the same{rest}",
        *(
            f"differs in meaning: {each.what} is {each.here} in the rehearsal and {each.there} on the target: {each.why}"
            for each in grave
        ),
    )


def differences_as_json(compared: Iterable[Difference]) -> list[dict[str, object]]:
    """Everything compared, what is the same too."""
    return [
        {
            "what": each.what,
            "rehearsal": each.here,
            "target": each.there,
            "grade": each.grade.value,
            "why": each.why,
        }
        for each in compared
    ]
