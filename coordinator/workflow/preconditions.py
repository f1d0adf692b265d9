"""Asks the target whether its rows meet what a plan demands, before anything is rehearsed or written."""

from __future__ import annotations

import datetime
import re
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.checks.preflight.waivers import apply_waivers
from coordinator.errors import RefusedError
from coordinator.execution.events import Listener, Working
from coordinator.ledger.kept import read_open
from coordinator.ledger.store import LedgerReader
from coordinator.model.capture import Direction
from coordinator.model.finding import Severity
from coordinator.model.kept import LossKind
from coordinator.model.precondition import (
    Precondition,
    PreconditionKind,
    PreconditionOutcome,
    PreconditionResult,
)
from coordinator.model.question import tables_of
from coordinator.planning.precondition_findings import precondition_findings
from coordinator.planning.preconditions.calls import functions_called
from coordinator.planning.preconditions.derive import preconditions_of
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.failure import StatementError
from coordinator.postgres.preconditions import (
    Counted,
    Manner,
    count_breaking_rows,
    rows_to_read,
    shown_query,
    volatile_functions,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.model.capture import Capture, Statement
    from coordinator.model.catalog import Catalog
    from coordinator.model.check_budget import CheckBudget
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.question import Question
    from coordinator.postgres.session import Session
    from coordinator.workflow.planned import Captured

_NO_RIGHT = "42501"
_NOT_NOW = frozenset({"55P03", "57014"})  # a lock was not to be had, or the time was over
_LOCK_WAIT, _CATALOG_TIME = "100ms", "10s"
_NOT_THERE = frozenset({"42P01", "42703", "42704", "42883", "3F000", "42P02"})
# What demands anything of rows says one of these; most plans that only add things do not.
_DEMANDS = re.compile(
    r"not\s+null|unique|primary\s+key|check|foreign\s+key|references|exclude|\btype\b|validate|domain"
    r"|partition|delete|update",
    re.IGNORECASE,
)


def check_preconditions(
    session: Session,
    plan: RunPlan,
    captured: Captured,
    project: Project,
    budget: CheckBudget,
    *,
    tell: Listener = lambda event: None,
) -> tuple[PreconditionResult, ...]:
    """What each step demands of the rows that the target holds now, and whether they meet it; in the plan's order.

    Reads only, in transactions of their own that are over when this returns; `session` must have none open. What
    was not looked at is among the results, with the reason.
    """
    captures = captured.upgrades if plan.direction is Direction.UPGRADE else captured.downgrades
    if not any(_DEMANDS.search(each.sql) for step in plan.steps for each in _statements(captures, step.key)):
        return ()
    tell(Working(what="asking whether the rows meet what the plan demands"))
    try:
        catalog = _catalog(session, project)
    except StatementError as error:
        if error.sqlstate not in _NOT_NOW:
            raise
        return _unread(plan)
    demands = preconditions_of(
        plan.steps,
        captures,
        {module.name: module.schemas for module in project.all_modules},
        catalog,
        filled=_filled(session, plan),
    )
    return _Asker(session=session, project=project, budget=budget).ask_all(demands)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRows:
    """What a plan demanded of rows, and what is to be said about it."""

    results: tuple[PreconditionResult, ...] = ()
    findings: tuple[Finding, ...] = ()


def looked_at_rows(
    session: Session,
    plans: tuple[RunPlan, ...],
    captured: Captured,
    project: Project,
    budget: CheckBudget,
    *,
    tell: Listener,
) -> CheckedRows:
    """Look at the rows for the likeliest plan, and refuse nothing: what they do not meet is among the findings."""
    if not plans:
        return CheckedRows()
    results = check_preconditions(session, plans[0], captured, project, budget, tell=tell)
    return CheckedRows(results=results, findings=_waived(results, project))


def checked_rows(
    session: Session,
    plan: RunPlan,
    captured: Captured,
    project: Project,
    budget: CheckBudget,
    *,
    tell: Listener,
) -> CheckedRows:
    """Look at the rows, and refuse the plan when they do not meet it. Raises RefusedError."""
    results = check_preconditions(session, plan, captured, project, budget, tell=tell)
    return CheckedRows(results=results, findings=refuse_violated(results, project))


def refuse_violated(results: tuple[PreconditionResult, ...], project: Project) -> tuple[Finding, ...]:
    """Refuse what rows do not meet; the findings about what was not looked at, and about what was waived.

    Raises RefusedError.
    """
    findings = _waived(results, project)
    errors = tuple(each for each in findings if each.severity is Severity.ERROR)
    if errors:
        raise RefusedError(
            "the target's rows do not meet what the plan demands: it would fail there",
            findings,
            help="the target was not touched; mend the rows and run again",
        )
    return findings


def _waived(results: tuple[PreconditionResult, ...], project: Project) -> tuple[Finding, ...]:
    today = datetime.datetime.now(datetime.UTC).date()
    return apply_waivers(precondition_findings(results), project.trees, today)


def _statements(captures: Mapping[RevisionKey, Capture], key: RevisionKey) -> tuple[Statement, ...]:
    return captures[key].statements if key in captures else ()


def _catalog(session: Session, project: Project) -> Catalog:
    """The target's catalog, if it can be read at once: the server opens every table for it. Raises StatementError."""
    with session.transaction(read_only=True):
        session.execute(
            f"SET LOCAL lock_timeout = '{_LOCK_WAIT}'; SET LOCAL statement_timeout = '{_CATALOG_TIME}'"
        )
        return read_catalog(session, ignore=project.version_tables)


def _unread(plan: RunPlan) -> tuple[PreconditionResult, ...]:
    """What is said when not even the definitions of tables could be read."""
    return tuple(
        _not_checked(
            Precondition(
                kind=PreconditionKind.UNREAD,
                key=step.key,
                direction=step.direction,
                place=step.place,
                what="something of rows",
                question=None,
            ),
            "somebody holds a table whose definition must be read for it, and nobody waits for a question",
            help="run it again",
        )
        for step in plan.steps[:1]
    )


def _filled(session: Session, plan: RunPlan) -> dict[RevisionKey, frozenset[tuple[str, str, str]]]:
    """Columns that get their values back from a copy when a step adds them again."""
    if LedgerReader(session).version < 2:  # nothing was kept before
        return {}
    return {
        step.key: frozenset(
            (*kept.relation, name)
            for kept in read_open(session, step.key, step.direction.opposite)
            if kept.kind is LossKind.COLUMNS and kept.row_key
            for name in kept.columns
        )
        for step in plan.steps
    }


@dataclass(slots=True, kw_only=True)
class _Asker:
    """Asks one question after the other, those about small tables first, until the budget is used up."""

    session: Session
    project: Project
    budget: CheckBudget
    _rows: int = 0
    _seconds: float = 0.0
    _extensions: tuple[str, ...] | None = None
    _sizes: dict[Question, int] = field(default_factory=dict)

    def ask_all(self, demands: tuple[Precondition, ...]) -> tuple[PreconditionResult, ...]:
        """The results in the order of the demands."""
        results = dict(enumerate(self._sized(each) for each in demands))
        waiting = [number for number, each in results.items() if each is None]
        waiting.sort(key=lambda number: self._sizes[_question(demands[number])])
        for number in waiting:
            results[number] = self._ask(demands[number])
        return tuple(each for each in results.values() if each is not None)

    def _sized(self, demand: Precondition) -> PreconditionResult | None:
        """Why the demand is not asked about at all; None when it is, and then its size is known."""
        if demand.question is None:
            return _not_checked(demand, demand.why)
        if self.budget.is_off:
            return _not_checked(demand, "checks are off", help='--check-budget "1000000 rows, 10s" checks it')
        try:
            manner = replace(self._manner(demand), role="")
            tables = tuple(dict.fromkeys(each.relation for each in tables_of(demand.question)))
            self._sizes[demand.question] = rows_to_read(self.session, tables, manner)
            calls = functions_called(demand.question)
            volatile = volatile_functions(self.session, calls, manner) if calls else ()
        except StatementError as error:
            return self._refused(demand, error)
        if volatile:
            return _not_checked(demand, f"it calls {volatile[0]}, which may do more than look")
        return None

    def _ask(self, demand: Precondition) -> PreconditionResult:
        question = _question(demand)
        rows = self._sizes[question]
        if self._rows + rows > self.budget.rows:
            return self._too_large(demand, rows)
        if self._seconds >= self.budget.seconds:
            return self._too_long(demand)
        began = time.monotonic()
        try:
            found = self._counted(question, self._manner(demand))
        except StatementError as error:
            return self._refused(demand, error)
        finally:
            self._rows += rows
            self._seconds += time.monotonic() - began
        violated = found.count is None or found.count > 0
        if demand.added and not violated:
            return _not_checked(
                demand, f"no row of today breaks it, and rows are added first by {demand.added}"
            )
        return PreconditionResult(
            precondition=demand,
            outcome=PreconditionOutcome.VIOLATED if violated else PreconditionOutcome.HOLDS,
            count=found.count,
            capped=found.capped and violated,
            query=shown_query(self.session, question),
        )

    def _counted(self, question: Question, manner: Manner) -> Counted:
        """Ask as ourselves; where we may not, as the role that is going to run the step."""
        try:
            return count_breaking_rows(self.session, question, replace(manner, role=""))
        except StatementError as error:
            if error.sqlstate != _NO_RIGHT or not manner.role:
                raise
            return count_breaking_rows(self.session, question, manner)

    def _manner(self, demand: Precondition) -> Manner:
        module = self.project.module(demand.key.module)
        if self._extensions is None:
            self._extensions = tuple(
                row[0]
                for row in self.session.rows(
                    "SELECT DISTINCT n.nspname FROM pg_catalog.pg_extension e"
                    " JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace"
                    " WHERE n.nspname <> 'pg_catalog' ORDER BY 1"
                )
            )
        return Manner(
            search_path=tuple(dict.fromkeys((*module.schemas, *self._extensions))),
            role=module.owner or "",
            seconds=max(self.budget.seconds - self._seconds, 0.001),
        )

    def _too_large(self, demand: Precondition, rows: int) -> PreconditionResult:
        enough = f'--check-budget "{_round_up(self._rows + rows)} rows, {self.budget.seconds:g}s"'
        names = " and ".join(dict.fromkeys(str(each) for each in tables_of(_question(demand))))
        left = "" if not self._rows else f", {self._rows} of which are used up"
        return _not_checked(
            demand,
            f"{names} has about {rows} rows, and the budget is {self.budget.rows}{left}",
            help=f"{enough} checks it",
        )

    def _too_long(self, demand: Precondition) -> PreconditionResult:
        enough = f'--check-budget "{self.budget.rows} rows, {self.budget.seconds * 6:g}s"'
        return _not_checked(
            demand,
            f"the {self.budget.seconds:g} s of the budget are used up",
            help=f"{enough} gives it more time",
        )

    def _refused(self, demand: Precondition, error: StatementError) -> PreconditionResult:
        names = " and ".join(dict.fromkeys(str(each) for each in tables_of(_question(demand))))
        match error.sqlstate:
            case "42501":
                role = self.session.value("SELECT current_user")
                return _not_checked(
                    demand,
                    f"the role {role!r} may not read all rows of {names}",
                    help=f"GRANT SELECT ON {names} to it, or let a role run this that row security does not stop",
                )
            case "55P03":
                return _not_checked(
                    demand, f"somebody holds {names}, and nobody waits for a question", help="run it again"
                )
            case "57014":
                return self._too_long(demand)
            case state if state in _NOT_THERE:
                return _not_checked(demand, "it names what is not there before the plan has run")
            case _:
                return _not_checked(demand, f"the server cannot answer it (SQLSTATE {error.sqlstate})")


def _question(demand: Precondition) -> Question:
    assert demand.question is not None
    return demand.question


def _not_checked(demand: Precondition, why: str, help: str | None = None) -> PreconditionResult:  # noqa: A002
    return PreconditionResult(
        precondition=demand, outcome=PreconditionOutcome.NOT_CHECKED, count=None, why=why, help=help
    )


def _round_up(rows: int) -> int:
    """The next number that a person would write."""
    step = int(10 ** max(len(str(rows)) - 2, 0))
    return -(-rows // step) * step
