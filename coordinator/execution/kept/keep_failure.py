"""How a step fails when what it destroys cannot be kept, or what its opposite destroyed cannot be put back."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.execution.failure import StepFailedError, StepFailure, from_statement
from coordinator.postgres.failure import TRANSIENT, StatementError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.kept import KeepPolicy
    from coordinator.model.plan import Step

PART = "the keeping of what it destroys"
PART_BACK = "the putting back of what it had destroyed"
_CANCELED = "57014"  # query_canceled: the limit of time
_HIDDEN = "42501"
_SEEING = "let the role that deploys read them (BYPASSRLS, or a policy that it is exempt from)"


def give_up_help(run: int) -> str:
    """How to go on without what that run kept."""
    return (
        f"where its values can be done without: `migrate gc --keep {run}` erases all that run {run} kept, once it"
        " is over, and the step no longer puts it back"
    )


@contextmanager
def putting_back(step: Step, run: int) -> Iterator[None]:
    """Raise what the server refuses as the step's failure: StepFailedError instead of StatementError.

    `run` is the number of the run that kept the values.
    """
    try:
        yield
    except StatementError as error:
        failure = from_statement(step, PART_BACK, error)
        if error.sqlstate == _HIDDEN:
            failure = replace(
                failure, hint=f"to tell what was changed since, all rows must be seen: {_SEEING}"
            )
        elif error.sqlstate not in TRANSIENT | {_CANCELED}:
            failure = replace(failure, hint=failure.hint or give_up_help(run))
        raise StepFailedError(failure) from error


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
                    hint=f"a copy must hold all rows: {_SEEING}, or give them up with --discard {self.step.key}",
                )
            elif error.sqlstate == _CANCELED:
                raise self.too_much(
                    f"a copy takes more than {self.policy.hold:g} s, and others wait so long for its locks"
                ) from error
            raise StepFailedError(failure) from error
