"""What a rollback was asked to take back: a module's last run, all down to a revision, a run, or the newest run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, UnsettledError, UsageError
from coordinator.ledger.past import came_in_with, newest_failed_run, newest_run
from coordinator.ledger.store import LedgerReader
from coordinator.model.run import RunStatus
from coordinator.planning.rolling_back.target import above
from coordinator.settings.values import suggest
from coordinator.workflow.named import no_such_run

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.execution.project import Project
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree
    from coordinator.postgres.session import Session
    from coordinator.workflow.state import TargetState


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """The revisions that were meant and are in. Without any `why_none` says why."""

    keys: frozenset[RevisionKey]
    why_none: str = ""


def name_revisions(
    session: Session,
    project: Project,
    state: TargetState,
    *,
    module: str | None,
    to: str | None,
    run: int | None,
    partly_in: Collection[int] = (),
    not_in: Collection[int] = (),
) -> Named:
    """Find what was named; runs that were cut off are `partly_in` or `not_in`, though the ledger is not told yet.

    Raises UsageError for names that nobody knows, RefusedError for what cannot be meant.
    """
    trees = {tree.module.name: tree for tree in state.absent.all_trees(project)}
    if module is not None and module not in trees:
        raise UsageError(f"There is no module {module!r}.", help=suggest(module, sorted(trees)))
    if module is not None and module not in {each.name for each in project.modules}:
        raise RefusedError(
            f"module {module!r} is not in this checkout, so nothing here can take it back",
            help="run `migrate rollback` in a checkout that has it",
        )
    if to is not None:
        assert module is not None  # the command line says so
        return _down_to(trees[module], state, to)
    number = run if run is not None else newest_run(session, module, cut_off=partly_in)
    failed = newest_failed_run(session, cut_off=not_in) if run is None and module is None else None
    if failed is not None and (number is None or failed > number):
        return Named(keys=frozenset(), why_none=_failed_last(failed, number))
    if run is not None:
        _judge_run(session, run)
    if number is None:
        return _no_run(state, module)
    return _of_run(session, trees.values(), state, number, module)


def _failed_last(failed: int, before: int | None) -> str:
    """Whoever says only `migrate rollback` means the deploy that just went wrong, not the good one before it."""
    told = f"run {failed}, the newest, failed, and everything is as it was before it"
    return told if before is None else f"{told}; `migrate rollback --run {before}` takes back run {before}"


def _down_to(tree: ModuleTree, state: TargetState, to: str) -> Named:
    name = tree.module.name
    keys = above(tree, state.applied.get(name, frozenset()), to)
    return Named(keys=keys, why_none="" if keys else f"nothing of module {name!r} is above {to!r}")


def _judge_run(session: Session, number: int) -> None:
    """Refuse a run that did not apply anything, or is not over."""
    ledger = LedgerReader(session)
    found = ledger.run(number)
    if found is None:
        raise no_such_run(ledger, number)
    if found.status is RunStatus.UNSETTLED:
        raise UnsettledError(
            f"run {number} failed and was not taken back whole: {found.error or 'no error was written down'}",
            help="`migrate recover` explains what is in and goes on",
        )
    if found.kind != "apply":
        raise RefusedError(
            f"run {number} applied nothing: it is a {found.kind}",
            help="to bring back what a rollback took: `migrate release MODULE:REVISION`, then `migrate all-modules`"
            if found.kind == "rollback"
            else "`migrate history` shows which run applied what",
        )


def _no_run(state: TargetState, module: str | None) -> Named:
    what = f"module {module!r}" if module is not None else "any module"
    if not any(state.applied.values()):
        return Named(keys=frozenset(), why_none="nothing is in the database")
    if module is not None and not state.applied.get(module):
        return Named(keys=frozenset(), why_none=f"nothing of {what} is in the database")
    raise RefusedError(
        f"the ledger knows no run that applied anything of {what}: plain Alembic did",
        help=f"say down to which revision: `migrate rollback {module or 'MODULE'} --to REVISION`",
    )


def _of_run(
    session: Session, trees: Collection[ModuleTree], state: TargetState, number: int, module: str | None
) -> Named:
    applied = {**state.applied, **state.absent.applied}
    came = [key for key in came_in_with(session, number) if module is None or key.module == module]
    keys = frozenset(key for key in came if key.revision in applied.get(key.module, frozenset()))
    if keys:
        return Named(keys=keys)
    of = f" of module {module!r}" if module is not None else ""
    if not came:
        return Named(
            keys=keys, why_none=f"nothing{of} came in with run {number}, or a later run applied it anew"
        )
    return Named(keys=keys, why_none=f"nothing{of} that came in with run {number} is in any more")
