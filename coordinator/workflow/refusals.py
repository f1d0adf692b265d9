"""What a deploy refuses at its first look, before the lock: a held revision, a plan that has failed, a newer ledger."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, ReversedError
from coordinator.ledger.attempts import failed_for_good
from coordinator.ledger.schema import VERSION
from coordinator.model.finding import Finding, Severity
from coordinator.model.run import RunStatus
from coordinator.planning.attempt import attempt_of
from coordinator.settings.values import WhenAhead

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from coordinator.execution.project import Project
    from coordinator.ledger.lock import Holder
    from coordinator.model.hold import Hold
    from coordinator.model.names import RevisionKey
    from coordinator.model.run import Run
    from coordinator.postgres.session import Session
    from coordinator.workflow.safety import CutOff
    from coordinator.workflow.state import TargetState

_NAMED = 4  # held revisions that one command is shown with


def attempt(project: Project, state: TargetState, only: str | None) -> str:
    """The identity of what is about to be tried, from the heads of all modules, absent ones too."""
    absent = {tree.module.name: frozenset(tree.heads) for tree in state.absent.trees}
    pending = (project.revision(key) for key in state.pending(project))
    return attempt_of(pending, {**absent, **state.heads}, only)


def newer_ledger_findings(state: TargetState) -> tuple[Finding, ...]:
    """What to say when a newer program keeps the ledger: this one can read it, and must not write to it."""
    if state.ledger_version <= VERSION:
        return ()
    return (
        Finding(
            rule="newer-ledger",
            message="the ledger was written by a newer coordinator"
            f" (version {state.ledger_version}; this one knows {VERSION})",
            help="use that coordinator to change the target; this one only reads",
        ),
    )


def refuse_newer_ledger(state: TargetState) -> None:
    """Raise RefusedError when a newer program keeps the ledger."""
    for each in newer_ledger_findings(state):
        raise RefusedError(each.message, (each,), help=each.help)


def held_findings(state: TargetState, keys: Collection[RevisionKey]) -> tuple[Finding, ...]:
    """What to say of revisions that are to be applied and are on hold: one finding for each rollback."""
    by_run: dict[int, list[Hold]] = {}
    for each in state.holds:
        if each.key in keys:
            by_run.setdefault(each.run, []).append(each)
    return tuple(_held_by_one_run(by_run[run]) for run in sorted(by_run))


def _held_by_one_run(holds: Sequence[Hold]) -> Finding:
    first = holds[0]
    since = f"since run {first.run} rolled {{}} back at {first.since:%Y-%m-%d %H:%M:%S}"
    if len(holds) == 1:
        return Finding(
            rule="on-hold",
            message=f"{first.key} is on hold {since.format('it')}",
            module=first.key.module,
            revision=first.key,
            help=f"`migrate release {first.key}` lets it be applied again; or start a checkout that does not have it",
        )
    names = [str(each.key) for each in holds]
    command = " ".join(("migrate release", *names)) if len(names) <= _NAMED else "migrate release --all"
    return Finding(
        rule="on-hold",
        message=f"{len(holds)} pending revisions are on hold {since.format('them')}:\n" + "\n".join(names),
        help=f"`{command}` lets them be applied again; or start a checkout that does not have them",
    )


def refuse_held(state: TargetState, keys: Collection[RevisionKey]) -> None:
    """Raise RefusedError when one of these revisions is on hold."""
    found = held_findings(state, keys)
    if len(found) == 1 and found[0].revision is not None:
        raise RefusedError(found[0].message, found, help=found[0].help)
    if found:
        raise RefusedError("pending revisions are on hold", found)


def failed_before(run: Run) -> str:
    """One sentence about a run that failed for good: which, when, where and why."""
    when = run.finished or run.started
    return (
        f"run {run.number} tried the same plan and failed at {when:%Y-%m-%d %H:%M:%S} on {run.host}:"
        f" {run.error or 'no reason was written down'}"
    )


def next_attempt(run: Run) -> str:
    """The ways on from a run that failed for good."""
    return (
        f"`migrate history {run.number}` shows it; mend the cause. An edited pending revision is tried by itself; after"
        " any other change (rows, or a file that a revision imports or reads) `migrate all-modules --retry` tries it"
        " once more"
    )


def refuse_failed(session: Session, wanted: str, *, waived: int | None = None) -> None:
    """Raise ReversedError when this attempt has failed for good; a failure of the run `waived` does not count."""
    run = failed_for_good(session, wanted)
    if run is not None and run.number != waived:
        raise ReversedError(failed_before(run), help=next_attempt(run))


def failed_findings(session: Session, wanted: str) -> tuple[Finding, ...]:
    """The same for a page that shows what would be refused."""
    run = failed_for_good(session, wanted)
    if run is None:
        return ()
    return (Finding(rule="failed-before", message=failed_before(run), help=next_attempt(run)),)


def may_be_taken_out(project: Project, state: TargetState, holder: Holder | None) -> bool:
    """Whether the lock's `holder` may take out a revision of this checkout: what is in by a run that is not over, or
    what a rollback is about.

    `holder` is as it was before the target was looked at: one that is over since has done what the look shows.
    """
    if holder is None or not holder.moves_revisions:
        return False
    files = {revision.key for revision in project.revisions}
    return not files.isdisjoint(_at_stake(state, holder))


def _at_stake(state: TargetState, holder: Holder) -> frozenset[RevisionKey]:
    """The revisions that the holder may take out. A recovery, and who has no run yet, may decide about every open run."""
    brought = {
        run.number: frozenset(each.key for each in state.recorded if each.run == run.number)
        for run in state.open_runs
    }
    ours = next((run for run in state.open_runs if run.number == holder.run), None)
    decides = ours is None or ours.kind == "recover"
    doing = () if ours is None else ours.planned
    found: set[RevisionKey] = set()
    for run in state.open_runs:
        # Also where an older program did not note its steps.
        goes_on = brought[run.number].union(doing).issuperset(run.planned)
        if decides or run is ours or goes_on:
            found |= brought[run.number]
            if run.kind == "rollback":
                found.update(run.planned or (each.key for each in state.recorded))
    return frozenset(found)


def at_work(state: TargetState, holder: Holder | None) -> tuple[Finding, ...]:
    """The warning that somebody is at work on the target right now; none when nobody holds the lock.

    Whoever has nothing to apply need not wait for it, unless something of its own `may_be_taken_out`.
    """
    running = [each.number for each in state.open_runs]
    if not running or any(each.status is not RunStatus.RUNNING for each in state.open_runs):
        return ()
    if holder is None:
        return ()
    works = holder.run in running
    told = "is at work on this database" if works else "is not over, and the lock is held"
    return (
        Finding(
            rule="run-at-work",
            severity=Severity.WARNING,
            message=f"run {holder.run if works else running[-1]} {told}: {holder}",
            help="nothing of this checkout is pending, so it was not waited for",
        ),
    )


def left_cut_off(runs: Iterable[CutOff]) -> tuple[Finding, ...]:
    """What a start says of runs that were cut off in their middle, and whose rest is not for it to do."""
    return tuple(
        Finding(
            rule="run-cut-off",
            severity=Severity.WARNING,
            message=f"run {each.run.number} was cut off after {each.after}, and not all of its plan is known to be carried out",
            help="its rest is not among what was asked for here, so it was left as it is: start again what began it,"
            " or see `migrate recover`",
        )
        for each in runs
    )


def open_runs_told(state: TargetState, holder: Holder | None) -> tuple[Finding, ...]:
    """What a dry run says of runs that are not over: it neither waits for them nor settles what they have left."""
    return tuple(
        Finding(
            rule="run-at-work",
            severity=Severity.WARNING,
            message=f"run {run.number} is not over{f': {holder}' if holder is not None else ', and nobody is at work'}",
            help="a dry run waits for nobody: what that run brings in is pending here",
        )
        for run in state.open_runs
    )


def ahead(state: TargetState, wanted: WhenAhead) -> tuple[Finding, ...]:
    """What to say of revisions that are in and that only the ledger knows: an older checkout was started again."""
    severity = Severity.ERROR if wanted is WhenAhead.REFUSE else Severity.WARNING
    return tuple(
        Finding(
            rule="database-ahead",
            severity=severity,
            message=f"module {name!r} is ahead of this checkout by {', '.join(sorted(heads))}, which the ledger knows",
            module=name,
            help="a newer checkout applied them; nothing of them is done or undone here",
        )
        for name, heads in sorted(state.ahead.items())
        if heads
    )


def refuse_errors(findings: tuple[Finding, ...], what: str) -> None:
    """Raise RefusedError when one of the findings is an error."""
    errors = tuple(each for each in findings if each.severity is Severity.ERROR)
    if errors:
        count = "1 finding" if len(errors) == 1 else f"{len(errors)} findings"
        raise RefusedError(f"{what}: {count} must be mended first", errors)
