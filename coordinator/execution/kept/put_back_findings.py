"""What is said about kept data that could not go back: the rows in conflict, and the copies that stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.postgres.keeping import outcome as keep_outcome

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
        self, kept: KeptData, target: Source, columns: tuple[str, ...], outcome: Outcome
    ) -> tuple[Finding, ...]:
        """Rows that keep their own values, or are not there, by their keys; nothing without such rows."""
        found: list[Finding] = []
        if count := outcome.changed:
            rows, left = (
                ("1 row was", "is left as it is")
                if count == 1
                else (f"{count} rows were", "are left as they are")
            )
            what = f"{rows} changed since {kept.key} destroyed {kept.loss}, and {left}"
            found.append(
                self._conflict(kept, f"{what}: {self._named(kept, target, columns, count, refused=False)}")
            )
        if count := outcome.refused:
            rows, are = ("1 row", "is") if count == 1 else (f"{count} rows", "are")
            what = (
                f"{rows} kept when {kept.key} destroyed {kept.loss} {are} refused by"
                f" {', '.join(outcome.refused_by)}"
            )
            found.append(
                self._conflict(kept, f"{what}: {self._named(kept, target, columns, count, refused=True)}")
            )
        return tuple(found)

    def _conflict(self, kept: KeptData, message: str) -> Finding:
        return self._finding(
            "kept-data-conflict", message, f"the kept values of these rows are in migrate.{kept.copy}"
        )

    def _named(
        self, kept: KeptData, target: Source, columns: tuple[str, ...], count: int, *, refused: bool
    ) -> str:
        """The rows by their keys, some of them if they are many."""
        assert kept.copy is not None
        keys = keep_outcome.conflicting_keys(
            self.session,
            kept.copy,
            target,
            keys=kept.row_key,
            columns=columns,
            refused=refused,
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
