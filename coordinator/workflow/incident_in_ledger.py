"""The incident of a run whose process did not report it, from what the ledger's rows tell of the run."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from uuid import uuid4

from coordinator.execution.categories import category_of, severity_of
from coordinator.execution.events import Phase
from coordinator.execution.incident import relative_file, taken_back
from coordinator.model.capture import Direction
from coordinator.model.incident import Activity, Category, Cause, Incident
from coordinator.model.run import RunStatus, StepStatus

if TYPE_CHECKING:
    from coordinator.ledger.store import Intent, Ledger
    from coordinator.model.run import Run, StepRecord

# As `StepFailure.sentence` is written down.
_SENTENCE = re.compile(r"\S+ failed in (?P<part>.+?) at (?P<file>/.+?):(?P<line>\d+): ")
_SQLSTATE = re.compile(r"\(SQLSTATE (?P<code>[0-9A-Z]{5})\)\Z")


def incident_in_ledger(run: Run, ledger: Ledger, *, before: Run) -> Incident:
    """The incident of a run that a later command has settled; `before` is the run as its own process left it.

    After the run's own steps come those of the recoveries that took them back.
    """
    intents = ledger.intents(run.number)
    own = tuple(each for each in run.steps if each.run == run.number)
    failed = next((each for each in own if each.status is StepStatus.FAILED and each.error), None)
    moments = [each.finished for each in own if each.finished is not None]
    failure = _failure(before, failed)
    category = Category.INTERRUPTION if failure is None else _category(failure, final=before.final)
    cut_off = before.status is RunStatus.RUNNING
    return Incident(
        id=str(uuid4()),
        run=run.number,
        kind=run.kind,
        environment=run.environment,
        host=run.host,
        program=run.program,
        rehearsal=run.rehearsal,
        guarantee=run.guarantee,
        category=category,
        severity=severity_of(category, run.status),
        status=run.status,
        began=(None if failed is None else failed.finished) or max([run.started, *moments]),
        ended=None if run.status is RunStatus.UNSETTLED else ledger.moment(),
        phase=Phase.APPLY.value,
        causes=(failure or _cut_off(run, intents),),
        steps=taken_back(run),
        still_in=_left(run, own, ledger),
        waiting=(),
        affected=tuple(sorted({key.module for each in intents for key in each.steps})),
        notices=(),
        activity=Activity(
            not_seen="nobody was there to look when it was cut off"
            if cut_off
            else "what was seen then could not be written down"
        ),
    )


def _failure(before: Run, step: StepRecord | None) -> Cause | None:
    """Why the run failed, if it came to write that down: what its first failed `step` says, else its own error."""
    error = before.error if step is None else step.error
    if not error:
        return None
    code, place = _SQLSTATE.search(error), _SENTENCE.match(error)
    file = "" if place is None else relative_file(place["file"])
    told = error if place is None else f"{error[: place.start('file')]}{file}{error[place.end('file') :]}"
    return Cause(
        message=f"{told}; then the run was cut off" if before.status is RunStatus.RUNNING else told,
        sqlstate=None if code is None else code["code"],
        step=None if step is None else step.key,
        direction=None if step is None else step.direction,
        part="" if place is None else place["part"],
        file=file,
        line=0 if place is None else int(place["line"]),
    )


def _category(failure: Cause, *, final: bool) -> Category:
    if failure.sqlstate is not None:
        return category_of(failure.sqlstate, failure.message)
    if final:
        return Category.DATA if failure.part.startswith("the integrity check") else Category.CODE
    # A step that failed for no reason of its own, and without an answer of the server.
    return Category.CONNECTION if failure.part else Category.INTERRUPTION


def _cut_off(run: Run, intents: tuple[Intent, ...]) -> Cause:
    last = next((each for each in reversed(intents) if not each.committed), None)
    step = last.steps[0] if last is not None and last.steps else None
    return Cause(
        message=f"the run was cut off: process {run.pid} on {run.host} was ended, or lost the server, before it could"
        " write down here what it came to; what it still said is in its own output",
        step=step,
        direction=None if last is None else last.direction,
        part="the segment that was begun last" if step is not None else "",
    )


def _left(run: Run, own: tuple[StepRecord, ...], ledger: Ledger) -> tuple[str, ...]:
    """Its steps that are still in, or of a rollback still out, as the ledger tells."""
    if run.status is RunStatus.REVERSED:
        return ()
    in_now = {each.key: each.run for each in ledger.applied(whole=False)}
    if run.kind == "rollback":
        out = (each for each in own if each.status is StepStatus.REVERSED and each.key not in in_now)
        return tuple(str(each.key) for each in out if each.direction is Direction.DOWNGRADE)
    applied = (
        each for each in own if each.status is StepStatus.APPLIED and in_now.get(each.key) == run.number
    )
    return tuple(str(each.key) for each in applied if each.direction is Direction.UPGRADE)
