"""What stands beside a column in an expression and is no column itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class BesideKind(enum.Enum):
    """What a column's type must fit."""

    NUMBER = "number"  #: compared with a number
    LITERAL = "literal"  #: compared with a quoted text, which PostgreSQL reads as the column's type
    TEXT = "text"  #: given to what takes only texts: LIKE, a regular expression, lower()


@dataclass(frozen=True, slots=True)
class Beside:
    """One of these; `words` is the quoted text of a LITERAL, and the operator or function of a TEXT."""

    kind: BesideKind
    words: str = ""
