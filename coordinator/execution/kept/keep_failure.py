"""How a step fails when what it destroys cannot be kept."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.execution.failure import StepFailedError, StepFailure, from_statement
from coordinator.postgres.failure import StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.kept import KeepPolicy
    from coordinator.model.plan import Step

PART = "the keeping of what it destroys"
_CANCELED = "57014"  # query_canceled: the limit of time
_HIDDEN = "42501"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeepFailures:
    """The failures of one step's keeping, each with what helps against it."""

    step: Step
    policy: KeepPolicy

    def failure(self, message: str, hint: str | None = None) -> StepFailedError:
        """The step's failure in this part of it."""
        return StepFailedError(
            StepFailure(step=self.step, part=PART, message=message, place=self.step.place, hint=hint)
        )

    def too_much(self, message: str) -> StepFailedError:
        """The failure of a copy that takes more room or time than is allowed."""
        return self.failure(
            message,
            "--keep-limit SIZE and the setting keep_hold allow more;"
            f" --discard {self.step.key} destroys it without a copy",
        )

    @contextmanager
    def as_step(self) -> Iterator[None]:
        """Raise what the server refuses as the step's failure: StepFailedError instead of StatementError."""
        try:
            yield
        except StatementError as error:
            failure = from_statement(self.step, PART, error)
            if error.sqlstate == _HIDDEN:
                failure = replace(
                    failure,
                    hint="a copy must hold all rows: let the role that deploys read them (BYPASSRLS, or a policy"
                    f" that it is exempt from), or give them up with --discard {self.step.key}",
                )
            elif error.sqlstate == _CANCELED:
                raise self.too_much(
                    f"a copy takes more than {self.policy.hold:g} s, and others wait so long for its locks"
                ) from error
            raise StepFailedError(failure) from error
