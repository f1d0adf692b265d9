"""Incidents of past runs: the report of one, what a later command makes of one, and deleting what is kept for long enough."""

from __future__ import annotations

import datetime
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from coordinator.errors import CoordinatorError, UsageError
from coordinator.execution.categories import severity_of
from coordinator.execution.events import Phase, TargetNamed
from coordinator.execution.incident import incident_row, taken_back
from coordinator.ledger.incidents import (
    SINCE,
    IncidentRow,
    delete_incident,
    read_expired_incidents,
    read_incident,
    write_incident,
)
from coordinator.ledger.kept import read_kept
from coordinator.ledger.store import Ledger, LedgerReader
from coordinator.model.capture import Direction
from coordinator.model.incident import Activity, Category, Cause, Incident
from coordinator.model.run import RunStatus, StepStatus
from coordinator.reports.incident_json import in_order, settled_document, without_expired
from coordinator.workflow.named import no_such_run
from coordinator.workflow.reading import reader
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.execution.events import Listener
    from coordinator.model.kept import KeptData
    from coordinator.model.run import Run
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings

_FAILED = (RunStatus.REVERSED, RunStatus.UNSETTLED, RunStatus.SETTLED)


def read_report(settings: Settings, tell: Listener, number: int) -> dict[str, Any]:
    """The incident of a run as its document, with what is kept of its data now.

    Raises UsageError when there is no such run, or nothing to report of it.
    """
    with open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with reader(target, "history") as session, session.snapshot():
            ledger = LedgerReader(session)
            run = ledger.run(number)
            found = None if run is None else read_incident(session, number)
            if found is None:
                raise _nothing_to_report(number, run, ledger)
            kept = [_kept(each) for each in read_kept(session, run=number)]
    return in_order({**found.document, "kept": kept})


def _nothing_to_report(number: int, run: Run | None, ledger: LedgerReader) -> UsageError:
    if run is None:
        return no_such_run(ledger, number)
    if run.status is RunStatus.APPLIED:
        return UsageError(
            f"Run {number} was applied, so there is no incident to report.",
            help=f"`migrate history {number}` shows it step by step.",
        )
    if run.status is RunStatus.RUNNING:
        return UsageError(
            f"Run {number} is not over: it is at work, or was cut off and not settled yet.",
            help="`migrate status` tells which; the next command that writes settles it, and reports it then.",
        )
    return UsageError(
        f"Run {number} has no incident report: it ended before its first step, or the report was deleted in time.",
        help=f"`migrate history {number}` shows what is still known of it.",
    )


def _kept(kept: KeptData) -> dict[str, Any]:
    return {
        "step": str(kept.key),
        "direction": kept.direction.value,
        "what": str(kept.loss),
        "rows": kept.rows,
        "bytes": kept.bytes,
        "until": None if kept.expires is None else kept.expires.isoformat(),
        "state": "held" if kept.ending is None else kept.ending.value,
    }


@contextmanager
def settling(ledger: Ledger) -> Iterator[None]:
    """Around the settling of the runs that are not over: afterwards each one's incident says what became of it.

    What goes wrong with an incident never changes what the block came to.
    """
    runs = ledger.open_runs()
    try:
        yield
    finally:
        for run in runs:
            try:
                note_settled(ledger, run.number)
            except CoordinatorError:
                # The report is about a run that is settled either way; the ledger's own rows tell the same.
                continue


def note_settled(ledger: Ledger, number: int) -> None:
    """Write or bring up to date the incident of a run that was cut off or left unsettled."""
    run = ledger.run(number)
    if run is None or run.status not in _FAILED or ledger.version < SINCE:
        return
    known = read_incident(ledger.session, number)
    if known is not None and known.ended is not None:
        return
    if known is None:
        write_incident(ledger, incident_row(_cut_off(run, ledger)))
        return
    incident = _now_settled(known, run, ledger)
    document = settled_document(known.document, incident, cause=run.error)
    write_incident(
        ledger, replace(known, severity=incident.severity.value, ended=incident.ended, document=document)
    )


def _cut_off(run: Run, ledger: Ledger) -> Incident:
    """The incident of a run whose process ended without a word: nobody saw what was going on then."""
    intents = ledger.intents(run.number)
    begun = {key for each in intents for key in each.steps}
    moments = [each.finished for each in run.steps if each.finished is not None]
    last = next((each for each in reversed(intents) if not each.committed), None)
    step = last.steps[0] if last is not None and last.steps else None
    return Incident(
        id=str(uuid4()),
        run=run.number,
        kind=run.kind,
        environment=run.environment,
        host=run.host,
        program=run.program,
        rehearsal=run.rehearsal,
        guarantee=run.guarantee,
        category=Category.INTERRUPTION,
        severity=severity_of(Category.INTERRUPTION, run.status),
        status=run.status,
        began=max([run.started, *moments]),
        ended=None if run.status is RunStatus.UNSETTLED else ledger.moment(),
        phase=Phase.APPLY.value,
        causes=(
            Cause(
                message=f"the run was cut off: its process {run.pid} on {run.host} ended without a word",
                step=step,
                direction=None if last is None else last.direction,
                part="the segment that was begun last" if step is not None else "",
            ),
        ),
        steps=taken_back(run),
        still_in=_still_in(run, ledger),
        waiting=(),
        affected=tuple(sorted({key.module for key in begun})),
        notices=(),
        activity=Activity(not_seen="nobody was there to look when it was cut off"),
    )


def _now_settled(known: IncidentRow, run: Run, ledger: Ledger) -> Incident:
    category = Category(known.category)
    return replace(
        _cut_off(run, ledger),
        id=known.id,
        category=category,
        severity=severity_of(category, run.status),
        began=known.began,
    )


def _still_in(run: Run, ledger: Ledger) -> tuple[str, ...]:
    """Its steps that are in, as the ledger tells."""
    if run.status is RunStatus.REVERSED:
        return ()
    in_now = {each.key for each in ledger.applied(whole=False) if each.run == run.number}
    return tuple(
        str(each.key)
        for each in run.steps
        if each.key in in_now and each.status is StepStatus.APPLIED and each.direction is Direction.UPGRADE
    )


def expired_incidents(session: Session) -> tuple[str, ...]:
    """What of the incidents has been kept for long enough, in words; nothing is deleted."""
    return tuple(told for told, _, _ in _expired(session))


def delete_expired_incidents(session: Session) -> tuple[str, ...]:
    """Delete it; the same words. `session` may write."""
    done = []
    for told, row, document in _expired(session):
        if document is None:
            delete_incident(session, row.run)
        else:
            write_incident(Ledger(session), replace(row, document=document))
        done.append(told)
    return tuple(done)


def _expired(session: Session) -> Iterator[tuple[str, IncidentRow, dict[str, Any] | None]]:
    """Each incident of which something must go: in words, the row, and what stays of its document (None: nothing)."""
    now = session.value("SELECT pg_catalog.clock_timestamp()")
    assert isinstance(now, datetime.datetime)
    for row in read_expired_incidents(session, now):
        if row.expires <= now:
            yield f"incident of run {row.run}", row, None
            continue
        document, gone = without_expired(row.document, now)
        if gone:
            yield f"{', '.join(gone)} in the incident of run {row.run}", row, document
