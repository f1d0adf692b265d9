"""Statements run on a real server under a tracer, in a transaction or outside of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.execution.sent import Sent
from coordinator.execution.tracing import StepTracer
from coordinator.model.capture import Direction
from coordinator.model.names import Place, RevisionKey
from coordinator.model.plan import Step
from coordinator.postgres.tracing import tables_by_number

if TYPE_CHECKING:
    from coordinator.model.trace import StatementTrace
    from coordinator.postgres.session import Session


def tracer_of(session: Session, revision: str = "c1") -> StepTracer:
    """A tracer for a step of module `crm`."""
    step = Step(
        position=1,
        key=RevisionKey("crm", revision),
        direction=Direction.UPGRADE,
        message="",
        place=Place(f"crm/{revision}.py", 1),
    )
    return StepTracer(session, step, "crm", tables_by_number(session))


def traced(session: Session, *statements: str) -> tuple[StatementTrace, ...]:
    """What the statements did, run in one transaction that is taken back."""
    tracer = tracer_of(session)
    session.execute("BEGIN; SET LOCAL search_path = crm")
    try:
        for line, text in enumerate(statements, start=1):
            tracer.watch(text, Sent(sql=text, line=line), session.execute)
    finally:
        session.execute("ROLLBACK")
    return tuple(tracer.traces)


def alone(session: Session, *statements: str) -> tuple[StatementTrace, ...]:
    """What the statements did, each run as it stands outside of a transaction."""
    tracer = tracer_of(session)
    for line, text in enumerate(statements, start=1):
        tracer.watch(text, Sent(sql=text, line=line), session.execute)
    return tuple(tracer.traces)


def locks(trace: StatementTrace) -> list[str]:
    """The locks in words, a star behind those on tables that the text does not name."""
    return [
        f"{each.mode.value} {each}{f' through {each.through}' if each.through else ''}{'' if each.named else ' *'}"
        for each in trace.locks
    ]


def works(trace: StatementTrace) -> list[str]:
    """The work in words."""
    return [f"{each.kind.value} {each.schema}.{each.table} {each.what}".strip() for each in trace.works]
