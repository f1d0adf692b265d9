"""What a rule of the linter is, and what a project chose about the rules."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.model.finding import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRule:
    """One rule. `severity` None: off. `why` is the reason for that, one sentence for people.

    `by_size`: it speaks of the time that a scan or a rewrite takes, so on a table known to be small it is a note.
    `remedy` stands in the place of what squawk would advise, where that does not fit revisions that we run.
    """

    name: str
    severity: Severity | None
    why: str
    by_size: bool = False
    remedy: str | None = None

    @property
    def severity_word(self) -> str:
        """The severity for people."""
        return "off" if self.severity is None else self.severity.value


class SquawkUse(enum.Enum):
    """Whether the rules of squawk are asked for."""

    AUTO = "auto"  #: when its program is there; else its absence is a warning
    REQUIRED = "required"  #: without it the command cannot answer
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class LintChoices:
    """`[tool.migrate.lint]`: rules that are not asked, and those that count as errors or as warnings."""

    squawk: SquawkUse = SquawkUse.AUTO
    exclude: frozenset[str] = frozenset()
    errors: frozenset[str] = frozenset()
    warnings: frozenset[str] = frozenset()

    @property
    def named(self) -> frozenset[str]:
        """Every rule that the settings raise or lower."""
        return self.errors | self.warnings
