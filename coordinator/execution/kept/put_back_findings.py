"""What is said about kept data that could not go back: the rows in conflict, and the copies that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.postgres.keeping import outcome as keep_outcome
from coordinator.postgres.keeping.outcome import Conflict

if TYPE_CHECKING:
    from coordinator.model.kept import KeptData
    from coordinator.model.plan import Step
    from coordinator.postgres.keeping.outcome import Outcome
    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session

_SHOWN_KEYS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBackFindings:
    """The warnings of the step that puts back what its opposite had destroyed."""

    session: Session
    step: Step

    def conflicts(
        self, kept: KeptData, target: Source, columns: tuple[str, ...], outcome: Outcome, *, why: str
    ) -> tuple[Finding, ...]:
        """Rows that keep their own values, or are not there, by their keys; nothing without such rows.

        `why` is why what the function brought back itself counts.
        """
        return tuple(
            self._finding(
                "kept-data-conflict",
                f"{self._told(each, count, kept, outcome, why)}: {self._named(kept, target, columns, count, each)}",
                f"the kept values of these rows are in migrate.{kept.copy}",
            )
            for each, count in outcome.conflicts.items()
        )

    def _told(self, conflict: Conflict, count: int, kept: KeptData, outcome: Outcome, why: str) -> str:
        one = count == 1
        rows = "1 row" if one else f"{count} rows"
        are, were, have, keep = ("is", "was", "has", "keeps") if one else ("are", "were", "have", "keep")
        destroyed = f"{kept.key} destroyed {kept.loss}"
        function = f"its {self.step.direction.value}()"
        match conflict:
            case Conflict.CHANGED:
                left = "is left as it is" if one else "are left as they are"
                return f"{rows} {were} changed since {destroyed}, and {left}"
            case Conflict.REFUSED:
                return f"{rows} kept when {destroyed} {are} refused by {', '.join(outcome.refused_by)}"
            case Conflict.OWN:
                other = f"{have} other values from {function} than were kept when {destroyed}"
                return f"{rows} {other}, and {keep} them, since {why}"
            case Conflict.NOT_BROUGHT:
                missing = f"{are} not brought back by {function}, and not made anew"
                return f"{rows} kept when {destroyed} {missing}, since {why}"
            case Conflict.TWIN:
                missing = f"{are} not made anew, since {function} made the same under another key"
                return f"{rows} kept when {destroyed} {missing}"

    def _named(
        self, kept: KeptData, target: Source, columns: tuple[str, ...], count: int, why: Conflict
    ) -> str:
        """The rows by their keys, some of them if they are many."""
        assert kept.copy is not None
        keys = keep_outcome.conflicting_keys(
            self.session,
            kept.copy,
            target,
            keys=kept.row_key,
            columns=columns,
            why=why,
            limit=_SHOWN_KEYS,
        )
        named = "; ".join(
            ", ".join(f"{name} {value}" for name, value in zip(kept.row_key, key, strict=True))
            for key in keys
        )
        return f"{named}; and {count - len(keys)} more" if count > len(keys) else named

    def stays(self, kept: KeptData, why: str) -> Finding:
        """What is not put back at all, and where it is."""
        return self._finding(
            "kept-data-stays",
            f"what was kept of {kept.loss} was not put back: {why}",
            f"it stays in migrate.{kept.copy}, as `migrate history {kept.run}` tells",
        )

    def _finding(self, rule: str, message: str, remedy: str) -> Finding:
        return Finding(
            rule=rule,
            severity=Severity.WARNING,
            message=message,
            module=self.step.key.module,
            revision=self.step.key,
            place=self.step.place,
            help=remedy,
        )
