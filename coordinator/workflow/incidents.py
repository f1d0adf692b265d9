"""Incidents of past runs: the report of one, what a later command makes of one, and deleting what is kept for long enough."""

from __future__ import annotations

import datetime
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coordinator.errors import CoordinatorError, UsageError
from coordinator.execution.categories import severity_of
from coordinator.execution.events import TargetNamed
from coordinator.execution.incident import incident_row
from coordinator.ledger.incidents import (
    SINCE,
    IncidentRow,
    delete_incident,
    read_expired_incidents,
    read_incident,
    write_incident,
)
from coordinator.ledger.kept import read_kept
from coordinator.ledger.schema import VERSION
from coordinator.ledger.store import Ledger, LedgerReader
from coordinator.model.incident import Category
from coordinator.model.run import RunStatus
from coordinator.reports.incident_json import in_order, settled_document, without_expired
from coordinator.workflow.incident_in_ledger import incident_in_ledger
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
    if run.kind == "recover":
        return UsageError(
            f"Run {number} recovered earlier runs, and their reports tell what it did with their steps.",
            help=f"`migrate history {number}` tells why it stopped, `migrate recover` what is still to be recovered.",
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
    ledger.revive()  # it may have been idle for as long as the run that goes on from there took
    runs = ledger.open_runs()
    try:
        yield
    finally:
        for run in runs:
            try:
                _note_settled(ledger, run)
            except CoordinatorError:
                # The report is about a run that is settled either way; the ledger's own rows tell the same.
                continue


def _note_settled(ledger: Ledger, before: Run) -> None:
    """Write or bring up to date the incident of a run that was cut off or left unsettled; `before` that was settled."""
    if not SINCE <= ledger.version <= VERSION:
        return  # only a newer program writes to the tables of a newer one
    run = ledger.run(before.number, recoveries=True)
    if run is None or run.status not in _FAILED:
        return
    known = read_incident(ledger.session, run.number)
    if known is not None and known.ended is not None:
        return
    incident = incident_in_ledger(run, ledger, before=before)
    if known is None:
        write_incident(ledger, incident_row(incident))
        return
    category = Category(known.category)
    severity = severity_of(category, run.status)
    incident = replace(incident, id=known.id, category=category, severity=severity, began=known.began)
    document = settled_document(known.document, incident, by=_settled_by(before, run))
    write_incident(ledger, replace(known, severity=severity.value, ended=incident.ended, document=document))


def _settled_by(before: Run, run: Run) -> str:
    """What settling it added to the run's error, which the report tells already; empty while it is not settled."""
    if run.status is RunStatus.UNSETTLED or run.error is None:
        return ""
    return run.error.removeprefix(f"{before.error}; ")


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
