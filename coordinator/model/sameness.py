"""How far the server of a rehearsal is the one that its plan is for."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Sameness(enum.Enum):
    """What it means that two servers have, or do not have, the same value."""

    SAME = "same"
    HARMLESS = "harmless"  #: another value, by which no migration does anything else
    DIFFERS_IN_MEANING = "differs in meaning"  #: the same SQL may do something else, or fail


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing compared: what both servers have, `here` in the rehearsal and `there` on the target.

    `why` is a sentence: what may come out differently, or why nothing does; empty where both are the same.
    """

    what: str
    here: str
    there: str
    grade: Sameness
    why: str = ""
