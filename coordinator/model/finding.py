"""One statement of what is wrong or may break; the same shape from every check, parser and planner."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.names import Place, RevisionKey


class Severity(enum.Enum):
    """How much a finding matters."""

    ERROR = "error"  #: the command answers no
    WARNING = "warning"  #: said, and the command goes on
    NOTE = "note"  #: good to know


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found, where, and what to do about it.

    `rule` is the check's name in kebab case, the same word in code, messages, waivers and docs.
    `message` is one sentence with quoted names; `help` is the remedy, or the line to write.
    """

    rule: str
    message: str
    severity: Severity = Severity.ERROR
    module: str | None = None
    revision: RevisionKey | None = None
    place: Place | None = None
    help: str | None = None
