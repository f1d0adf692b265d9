"""How much may be read to find out whether the target's rows meet what the plan demands."""

from __future__ import annotations

import re
from dataclasses import dataclass

from coordinator.model.durations import parse_duration

WANTED_BUDGET = '"1000000 rows, 10s", one of the two, or "off"'
_ROWS = re.compile(r"(\d[\d_]*)\s*rows?", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckBudget:
    """Rows that may be read, by the server's estimates, and seconds that it may take, all questions together."""

    rows: int = 1_000_000
    seconds: float = 10.0

    @property
    def is_off(self) -> bool:
        """Whether nothing is to be asked."""
        return self.rows <= 0 or self.seconds <= 0

    def __str__(self) -> str:
        return "off" if self.is_off else f"{self.rows} rows, {self.seconds:g}s"


USUAL_BUDGET = CheckBudget()


def parse_budget(text: str) -> CheckBudget:
    """The budget that a text states; what it leaves out stays as it is by default. Raises ValueError."""
    if text.strip().lower() == "off":
        return CheckBudget(rows=0, seconds=0)
    rows, seconds = USUAL_BUDGET.rows, USUAL_BUDGET.seconds
    for part in text.split(","):
        found = _ROWS.fullmatch(part.strip())
        if found is not None:
            rows = int(found[1].replace("_", ""))
        else:
            seconds = parse_duration(part.strip())
    return CheckBudget(rows=rows, seconds=seconds)
