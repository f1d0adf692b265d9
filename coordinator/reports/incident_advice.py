"""What to do after an incident, what it teaches, and how the next one is prevented; decided by its kind and outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.incident import Category
from coordinator.model.run import RunStatus

if TYPE_CHECKING:
    from coordinator.model.incident import Incident

_ROLLBACK = "rollback"  # the kind of run that takes out, so what is left of it is out

_MEND: dict[Category, str] = {
    Category.LOCK: "look who held the lock (see Sessions), and try again when it is free: {again}",
    Category.DATA: "look at the rows that the step stumbled over, mend them or the revision, then {again}",
    Category.PERMISSION: "`migrate check --rights` prints the GRANT statements that are missing; then {again}",
    Category.CONNECTION: "look at the server's log and at the network for that moment, then {again}",
    Category.RESOURCE: "give the server what it ran out of (see the cause), then {again}",
    Category.CODE: "mend the revision at the place that is named, then {again}",
    Category.INTERRUPTION: "if nobody meant to stop it, look who did (see Sessions and the host's log);"
    " {again} begins anew",
}
_RETRY = "; an unchanged attempt needs `--retry`"  # a rollback may always be tried again
_LESSONS: dict[Category, str] = {
    Category.LOCK: "the step needs a lock that other work on the same table holds for longer than a run may wait",
    Category.DATA: "a rehearsal runs on definitions without rows; what only the target's rows refuse shows here first",
    Category.PERMISSION: "the role had the right, or seemed to, when the run began, and not when the step needed it",
    Category.CONNECTION: "the connection or the server did not outlast the run",
    Category.RESOURCE: "the step needs more of the server than was free",
    Category.CODE: "the revision does on the target what it did not do in its rehearsal",
    Category.INTERRUPTION: "the run was stopped from outside; nothing is known to be wrong with the revisions",
}
_PREVENTION: dict[Category, tuple[str, ...]] = {
    Category.LOCK: (
        "run it when the table is quiet, or raise --lock-patience",
        "let long reads end by themselves: statement_timeout and idle_in_transaction_session_timeout for applications",
        "split the revision, so that it holds the lock for a shorter time",
    ),
    Category.DATA: (
        "write what must hold as a query in the module's own checks/*.sql",
        "clean the rows in a revision of its own before the one that tightens the table",
    ),
    Category.PERMISSION: (
        "let `migrate check --rights` be part of the deployment, with the role that deploys",
        "change rights of that role only while no run is at work: `migrate status` tells",
    ),
    Category.CONNECTION: (
        "connect directly to the server, without a pooler or proxy that ends long connections",
        "plan restarts and failovers so that no run is at work: `migrate status` tells",
    ),
    Category.RESOURCE: (
        "compare the sizes of the tables that a step rewrites with the room that is free, before the run",
        "split a revision that rewrites or locks much",
    ),
    Category.CODE: (
        "rehearse on a snapshot of the target, so that the rehearsal meets the same objects",
        "keep revisions free of what depends on the moment or the machine",
    ),
    Category.INTERRUPTION: (
        "give the job that migrates more time than the rehearsal says the run takes",
        "stop a run with `migrate cancel`, which takes it back, and never with SIGKILL",
    ),
}


def next_steps(incident: Incident) -> tuple[str, ...]:
    """What to do now, in order."""
    rollback = incident.kind == _ROLLBACK
    again = "`migrate rollback`" if rollback else "`migrate all-modules`"
    if incident.status is RunStatus.UNSETTLED:
        return (
            "`migrate recover` tells what is in and what is not, and recommends",
            f"mend the cause, then `migrate recover --abort` goes on taking back run {incident.run}",
            "or keep it as it is with `migrate recover --resume`; do not restart the deployment before",
        )
    if incident.status is RunStatus.SETTLED:
        return (f"`migrate status` tells what is in; {again} goes on from there",)
    retry = _RETRY if incident.category is Category.DATA and not rollback else ""
    return (f"{_MEND[incident.category].format(again=again)}{retry}",)


def lessons(incident: Incident) -> tuple[str, ...]:
    """What it teaches."""
    found = [_LESSONS[incident.category]]
    if len(incident.causes) > 1:
        found.append(
            "the way back failed too: its downgrade was never tried under the conditions of that moment"
        )
    if any(each.blocks_us for each in incident.activity.sessions):
        found.append("another session stood in the way; it is the first one in the list of sessions")
    return tuple(found)


def prevention(incident: Incident) -> tuple[str, ...]:
    """How the next one is prevented."""
    return _PREVENTION[incident.category]


def outcome(incident: Incident) -> str:
    """What the run came to, in one sentence."""
    left = "out" if incident.kind == _ROLLBACK else "in"
    if incident.status is RunStatus.UNSETTLED:
        steps = ", ".join(incident.still_in)
        what = f"still {left}: {steps}" if steps else "the database is not as it was"
        return f"not everything could be taken back; {what}"
    if incident.status is RunStatus.SETTLED:
        return f"a part of the run is {left}, and the next run goes on from there"
    return "everything is as it was before the run"
