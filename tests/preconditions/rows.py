"""Asking about the rows of a real database what one revision's statements demand, and running these for real."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.execution.project import Project
from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.check_budget import CheckBudget
from coordinator.model.module import Module
from coordinator.model.names import Place, RevisionKey
from coordinator.model.plan import RunPlan, Segment, Step
from coordinator.model.precondition import PreconditionOutcome
from coordinator.model.revision import ModuleTree
from coordinator.postgres.failure import StatementError
from coordinator.workflow.planned import Captured
from coordinator.workflow.preconditions import check_preconditions

if TYPE_CHECKING:
    from coordinator.model.precondition import PreconditionResult
    from coordinator.postgres.session import Session

BUDGET = CheckBudget(rows=1_000_000, seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of all demands."""

    results: tuple[PreconditionResult, ...]

    @property
    def outcomes(self) -> list[str]:
        return [each.outcome.value for each in self.results]

    @property
    def counts(self) -> list[int | None]:
        return [each.count for each in self.results]

    @property
    def rules(self) -> list[str]:
        return [each.precondition.kind.value for each in self.results]

    @property
    def only(self) -> PreconditionResult:
        (result,) = self.results
        return result

    @property
    def violated(self) -> bool:
        return any(each.outcome is PreconditionOutcome.VIOLATED for each in self.results)

    @property
    def certain(self) -> bool:
        return all(each.outcome is not PreconditionOutcome.NOT_CHECKED for each in self.results)


def ask(
    session: Session,
    *steps: tuple[str, ...] | str,
    budget: CheckBudget = BUDGET,
    unknown: tuple[str, ...] = (),
    owner: str | None = None,
) -> Said:
    """What the steps of module `crm` demand of the rows; each step is a statement or several."""
    module = Module(name="crm", path=Path("crm"), schemas=("crm",), owner=owner)
    project = Project(trees=(ModuleTree(module=module, revisions=()),))
    captures, made = {}, []
    for number, each in enumerate(steps, start=1):
        key = RevisionKey("crm", f"c{number}")
        texts = (each,) if isinstance(each, str) else each
        captures[key] = Capture(
            key=key,
            direction=Direction.UPGRADE,
            statements=tuple(Statement(sql=text, line=10 * place) for place, text in enumerate(texts, 1)),
            unknown=unknown,
        )
        made.append(
            Step(
                position=number,
                key=key,
                direction=Direction.UPGRADE,
                message="",
                place=Place(f"crm/{key.revision}.py", 1),
            )
        )
    plan = RunPlan(segments=(Segment(position=1, steps=tuple(made), transactional=True),))
    captured = Captured(upgrades=captures, downgrades={}, effects={}, back={})
    return Said(results=check_preconditions(session, plan, captured, project, budget))


def anew(session: Session) -> None:
    """Empty schemas."""
    session.execute("SET client_min_messages = warning")
    session.execute("DROP SCHEMA IF EXISTS crm CASCADE; DROP SCHEMA IF EXISTS billing CASCADE")
    session.execute("CREATE SCHEMA crm; CREATE SCHEMA billing")


def fails(session: Session, *statements: str) -> StatementError | None:
    """What the server says when these run in a transaction, which is taken back; None when they succeed."""
    session.execute("BEGIN; SET LOCAL search_path = crm")
    try:
        for each in statements:
            session.execute(each)
        session.execute("SET CONSTRAINTS ALL IMMEDIATE")
    except StatementError as error:
        return error
    finally:
        session.execute("ROLLBACK")
    return None
