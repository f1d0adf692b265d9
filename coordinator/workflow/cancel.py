"""`migrate cancel`: ask the run at work, on whatever host, to stop as with Ctrl-C, and say how it ended."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from coordinator.errors import LockHeldError, UnreachableError, UsageError
from coordinator.execution.events import CancelSent, TargetNamed
from coordinator.ledger.cancelling import ask, may_ask
from coordinator.ledger.lock import application_name, find_holder
from coordinator.ledger.store import LedgerReader
from coordinator.model.cancelling import CancelReport
from coordinator.model.run import RunStatus
from coordinator.postgres.failure import StatementError
from coordinator.workflow.before_writing import told_as_untouched
from coordinator.workflow.named import no_such_run
from coordinator.workflow.target import open_target

if TYPE_CHECKING:
    from coordinator.execution.events import Listener
    from coordinator.ledger.lock import Holder
    from coordinator.model.run import Run
    from coordinator.postgres.session import Session
    from coordinator.settings.values import Settings
    from coordinator.workflow.target import Target

_NO_RIGHT = "42501"
_LOOK_EVERY = 0.2  # seconds
_SAID = {
    RunStatus.APPLIED: ("everything of run {run} was in before it could stop", None),
    RunStatus.REVERSED: ("run {run} has stopped, and everything is as it was before it", None),
    RunStatus.SETTLED: ("run {run} has stopped, and was settled as it is", None),
    RunStatus.UNSETTLED: (
        "run {run} has stopped, and not everything could be taken back",
        "`migrate recover` explains what is in and goes on",
    ),
    RunStatus.OTHER: ("run {run} has ended as only a newer program can tell", None),
    RunStatus.RUNNING: (
        "run {run} was cut off: it has left without a word",
        "`migrate recover` explains what is in; the next `migrate all-modules` settles it",
    ),
}


def cancel(settings: Settings, run: int | None, tell: Listener) -> CancelReport:
    """Ask the run at work to stop, and wait until it has.

    Raises UsageError when another run than `run` is at work, UnreachableError when our role may not stop it,
    LockHeldError when it has not ended after `settings.wait`.
    """
    with told_as_untouched(), open_target(settings) as target:
        tell(TargetNamed(target=target.shown, environment=target.environment))
        with target.connect("cancel") as session:
            name = application_name("cancel")
            session.execute("SELECT set_config('application_name', %s, false)", (name,))
            holder = find_holder(session)
            if holder is None:
                return _nothing(target, session, run)
            _refuse_another(holder, run)
            if not may_ask(session, holder.pid):
                raise UnreachableError(
                    f"this role may not stop {holder}",
                    help="connect as the role that runs it, or as a member of that role or of pg_signal_backend",
                )
            newest = _newest(session)
            last = _stop(session, holder, settings.wait, tell)
            return _ended(target, session, last.run or _begun_since(session, newest))


def _stop(session: Session, holder: Holder, wait: float, tell: Listener) -> Holder:
    """Ask, and wait until nobody holds the lock for that run any more; what the run called itself last."""
    ask(session, holder.pid)
    tell(CancelSent(holder=holder, taking_back="taking back" in holder.application))
    deadline = time.monotonic() + wait
    last = holder
    while (now := find_holder(session)) is not None and _same(now, last):
        if now.pid != last.pid:  # it had lost its lock, and has taken it again
            ask(session, now.pid)
        last = now
        if time.monotonic() > deadline:
            raise LockHeldError(
                f"{now} was asked to stop and has not ended",
                help=f"look at its host; if that is gone, `SELECT pg_terminate_backend({now.pid})` ends its lock,"
                " then `migrate recover` explains what is in",
            )
        time.sleep(_LOOK_EVERY)
    return last


def _same(now: Holder, before: Holder) -> bool:
    return now.pid == before.pid or (now.run is not None and now.run == before.run)


def _refuse_another(holder: Holder, wanted: int | None) -> None:
    if wanted is None or wanted == holder.run:
        return
    at_work = holder.run
    if at_work is None:
        raise UsageError(
            f"run {wanted} is not at work: {holder} has no number yet",
            help="`migrate cancel` without a number stops it",
        )
    raise UsageError(
        f"run {wanted} is not at work, run {at_work} is", help=f"`migrate cancel {at_work}` stops that one"
    )


def _nothing(target: Target, session: Session, wanted: int | None) -> CancelReport:
    found = None if wanted is None else _run(session, wanted)
    if wanted is not None and found is None:
        raise no_such_run(LedgerReader(session), wanted)
    about = "no run is at work"
    if found is not None:  # one that is running holds the lock, and nobody does
        state = "was cut off" if found.status is RunStatus.RUNNING else f"is {found.status.value}"
        about = f"run {found.number} {state}"
    return CancelReport(
        target=target.shown,
        environment=target.environment,
        was_at_work=False,
        run=wanted,
        status=found.status.value if found is not None else None,
        said=f"nothing to cancel: {about}",
        help=_SAID[found.status][1] if found is not None else None,
    )


def _ended(target: Target, session: Session, number: int | None) -> CancelReport:
    found = None if number is None else _run(session, number)
    said, remedy = "it has stopped; nothing was written", None
    if found is not None:
        said, remedy = _SAID[found.status]
    elif number is not None:
        said, remedy = (
            "run {run} has stopped",
            "this role may not read the ledger; `migrate status` tells the rest",
        )
    return CancelReport(
        target=target.shown,
        environment=target.environment,
        was_at_work=True,
        run=number,
        status=found.status.value if found is not None else None,
        said=said.format(run=number),
        help=remedy,
    )


def _run(session: Session, number: int) -> Run | None:
    """The run, or None: also when our role, which may only send signals, may not read the ledger."""
    try:
        return LedgerReader(session).run(number)
    except StatementError as error:
        if error.sqlstate != _NO_RIGHT:
            raise
        return None


def _newest(session: Session) -> int:
    try:
        runs = LedgerReader(session).runs(limit=1)
    except StatementError as error:
        if error.sqlstate != _NO_RIGHT:
            raise
        return 0
    return runs[0].number if runs else 0


def _begun_since(session: Session, newest: int) -> int | None:
    """The number of a run that had none when it was asked to stop, and got one after all."""
    now = _newest(session)
    return now if now > newest else None
