"""Writes the incident of a run that failed, once it is known what became of it."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import PurePath
from typing import TYPE_CHECKING
from uuid import uuid4

from coordinator.errors import CoordinatorError
from coordinator.execution.categories import categorize, severity_of
from coordinator.execution.events import Phase
from coordinator.execution.failure import StepFailedError
from coordinator.execution.words import kept_statement, recorded
from coordinator.ledger.incidents import IncidentRow, write_incident
from coordinator.model.incident import CAUSE, NOTICES, RETENTION_DAYS, Activity, Cause, Incident, TakenBack
from coordinator.model.names import Place
from coordinator.model.run import RunStatus, StepStatus
from coordinator.reports.incident_json import incident_document

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.execution.segment import SegmentRunner
    from coordinator.execution.witness import Seen
    from coordinator.model.plan import RunPlan
    from coordinator.model.run import Run

_FRAME = re.compile(r'^ *File "(?P<file>[^"]+)", line (?P<line>\d+), in (?P<name>[\w<>.]+)')
_PARTS = 5  # modules/crm/migrations/versions/file.py
_STATEMENT_LENGTH = 4000  # characters
# The parts of a cause, in bytes; of causes there are at most two.
_MESSAGE_SIZE = CAUSE.size // 8
_STATEMENT_SIZE = CAUSE.size // 4
_FRAMES_SIZE = CAUSE.size // 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """Writes down the incident of one run, through the ledger's connection."""

    segments: SegmentRunner
    plan: RunPlan

    def write(
        self,
        status: RunStatus,
        first: BaseException,
        second: BaseException | None,
        remaining: tuple[str, ...],
    ) -> str:
        """Write what the run came to. Why it could not be written, or "": the run must be brought to its end either way."""
        try:
            row = self._row(status, first, second, remaining)
            write_incident(self.segments.journal.ledger, row)
        except Exception as unwritten:
            return f"the incident report could not be written: {recorded(unwritten)}"
        return ""

    def _row(
        self,
        status: RunStatus,
        first: BaseException,
        second: BaseException | None,
        remaining: tuple[str, ...],
    ) -> IncidentRow:
        journal = self.segments.journal
        journal.ledger.revive()
        run = journal.ledger.run(journal.run)
        if run is None:
            raise CoordinatorError(f"the ledger has no run {journal.run}")
        ended = journal.ledger.moment()
        errors = (first,) if second is None else (first, second)
        incident = self._incident(run, status, errors, remaining, ended)
        return incident_row(incident)

    def _incident(
        self,
        run: Run,
        status: RunStatus,
        errors: tuple[BaseException, ...],
        remaining: tuple[str, ...],
        ended: datetime,
    ) -> Incident:
        witness = self.segments.witness
        seen = witness.seen
        category = seen.category if seen is not None else categorize(errors[0])
        unasked = self.segments.unasked
        begun = {record.key for record in run.steps}
        begun |= set() if unasked is None else {step.key for step in unasked.steps}
        activity = seen.activity if seen is not None else Activity(not_seen="it failed between two steps")
        notices, unheard = NOTICES.latest(witness.notices)
        left_out = (*activity.left_out, (NOTICES.name, witness.notices_left_out + unheard))
        activity = replace(activity, left_out=left_out)
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
            severity=severity_of(category, status),
            status=status,
            began=seen.when(ended) if seen is not None else ended,
            ended=None if status is RunStatus.UNSETTLED else ended,
            phase=seen.phase.value if seen is not None else Phase.APPLY.value,
            causes=tuple(
                self._cause(each, seen if not number else None) for number, each in enumerate(errors)
            ),
            steps=taken_back(run),
            still_in=remaining,
            waiting=tuple(step.key for step in self.plan.steps if step.key not in begun),
            affected=self._affected(run, errors[0]),
            notices=notices,
            activity=activity,
        )

    def _cause(self, error: BaseException, seen: Seen | None) -> Cause:
        if not isinstance(error, StepFailedError):
            step = seen.step if seen is not None else None
            return Cause(
                message=_within(recorded(error), _MESSAGE_SIZE),
                sqlstate=getattr(error, "sqlstate", None),
                step=None if step is None else step.key,
                direction=None if step is None else step.direction,
                file="" if step is None else relative_file(step.place.file),
                line=0 if step is None else step.place.line,
            )
        failure = error.failure
        step = failure.step
        place = Place(relative_file(failure.place.file), failure.place.line)
        told, words = StepFailedError(replace(failure, place=place)), self.segments.words(step.key)
        statement = kept_statement(failure.sql, words, limit=_STATEMENT_LENGTH) if failure.sql else ""
        return Cause(
            message=_within(recorded(told, words), _MESSAGE_SIZE),
            sqlstate=failure.sqlstate,
            step=step.key,
            direction=step.direction,
            part=failure.part,
            file=str(place.file),
            line=place.line,
            statement=_within(statement, _STATEMENT_SIZE),
            frames=frames(failure.traceback),
        )

    def _affected(self, run: Run, error: BaseException) -> tuple[str, ...]:
        """The modules that the run had touched when it failed, the one that failed first, then who uses what it changes."""
        failed = (error.failure.step.key.module,) if isinstance(error, StepFailedError) else ()
        begun = tuple(record.key.module for record in run.steps)
        users = tuple(
            name
            for part in self.plan.modules
            if part.module in (*failed, *begun)
            for name in part.affected_modules
        )
        return tuple(dict.fromkeys((*failed, *begun, *users)))


def incident_row(incident: Incident) -> IncidentRow:
    """The incident as the ledger keeps it."""
    return IncidentRow(
        run=incident.run,
        id=incident.id,
        category=incident.category.value,
        severity=incident.severity.value,
        began=incident.began,
        ended=incident.ended,
        document=incident_document(incident),
        expires=incident.began + timedelta(days=RETENTION_DAYS),
    )


def taken_back(run: Run) -> tuple[TakenBack, ...]:
    """What became of each step that had begun, in the order in which it happened."""
    return tuple(
        TakenBack(step=each.key, direction=each.direction, how=each.status.value, seconds=each.seconds)
        for each in run.steps
        if each.status is not StepStatus.OTHER
    )


def relative_file(file: str) -> str:
    """The last parts of a revision's path: where a checkout lies on a machine is of no use on another."""
    parts = PurePath(file).parts
    return str(PurePath(*parts[-_PARTS:])) if len(parts) > _PARTS else file


def frames(traceback: str) -> tuple[str, ...]:
    """Where in the author's code it was: file, line and function, without the lines themselves or what was said."""
    found = (_FRAME.match(line) for line in traceback.splitlines())
    lines = [f"{PurePath(match['file']).name}:{match['line']} in {match['name']}" for match in found if match]
    return replace(CAUSE, size=_FRAMES_SIZE).latest(lines)[0]


def _within(text: str, size: int) -> str:
    """The text, cut where it is longer than so many bytes."""
    encoded = text.encode("utf-8", "replace")
    return text if len(encoded) <= size else f"{encoded[: size - 3].decode('utf-8', 'ignore')}…"
