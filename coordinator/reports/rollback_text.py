"""A rollback before it happens, on a page: what goes and why, who is affected, what is at stake, how sure that is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.rollback import Risk
from coordinator.reports.finding_text import finding_lines, gravest_first
from coordinator.reports.wording import counted, one_line, seconds_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.finding import Finding
    from coordinator.model.plan import Guarantee, RunPlan
    from coordinator.model.rollback import RollbackAnalysis, RollbackDecision
    from coordinator.reports.page import Page

_COLOURS = {Risk.LOW: "green", Risk.MEDIUM: "yellow", Risk.HIGH: "red"}
_SHOWN = 12  # lines of one list


def rollback_text(
    analysis: RollbackAnalysis,
    decision: RollbackDecision,
    plan: RunPlan,
    findings: Sequence[Finding],
    page: Page,
) -> str:
    """The analysis and the decision."""
    lines = [
        *page.wrapped(
            f" {analysis.failed_module}, from {analysis.current_version} to {analysis.last_stable_version}",
            then="  ",
            lead="rollback of",
            colour="cyan",
        ),
        "",
        *_steps(analysis, plan, page),
        "",
        *_affected(analysis, page),
        *_connected(analysis, page),
        *_stakes(analysis, page),
        *_fact(
            "downtime",
            f"about {seconds_text(analysis.estimated_downtime)}, {analysis.downtime_evidence}",
            page,
        ),
        *_fact("guarantee", guarantee_text(plan.guarantee), page),
        *_fact("risk", analysis.risk.value, page, colour=_COLOURS[analysis.risk]),
        *(line for reason in analysis.risk_reasons for line in _item(reason, page)),
        *_fact("decision", f"{decision.action.value}: {one_line(decision.reason)}", page),
        *_fact("confidence", f"{decision.confidence:.2f}", page),
        *(line for each in decision.evidence for line in _item(each, page)),
    ]
    for finding in gravest_first(tuple(findings)):
        lines.extend(finding_lines(finding, page))
    return "\n".join(lines) + "\n"


def guarantee_text(guarantee: Guarantee) -> str:
    """What a rollback can promise: its own way back are the upgrades."""
    return guarantee.value.replace("downgrade", "upgrade")


def source_text(key: str, file: str, source: str) -> str:
    """The text of a revision as the ledger has it, between two lines that name it."""
    # Only what moves a cursor is made visible: the rest must be readable exactly as it would run.
    shown = "".join(
        each if each.isprintable() or each in "\n\t" else repr(each)[1:-1] for each in source
    ).rstrip("\n")
    return f"--- {key}, kept by the ledger as {file}\n{shown}\n--- end of {key}\n"


def _steps(analysis: RollbackAnalysis, plan: RunPlan, page: Page) -> Iterator[str]:
    scope = analysis.scope
    named = len(scope.keys) - len(scope.dragged)
    along = f" ({named} named, {len(scope.dragged)} because others go)" if scope.dragged else ""
    yield f"{counted(len(scope.keys), 'revision')} to take back, newest first{along}"
    why = {each.key: each for each in scope.dragged}
    for step in plan.steps:
        yield from page.wrapped(one_line(step.message), first=f"  - {step.key}  ", then="      ")
        if step.key in why:
            found = why[step.key]
            yield from page.wrapped(f"goes along: it {found.why}", first="      ", then="        ")


def _affected(analysis: RollbackAnalysis, page: Page) -> Iterator[str]:
    if not analysis.affected_integrations:
        yield from _fact("affected", "nothing of another module reads what changes", page)
        return
    yield from _fact("affected", counted(len(analysis.affected_integrations), "integration"), page)
    for each in analysis.affected_integrations[:_SHOWN]:
        yield from _item(f"{each}{'; goes too' if each.breaks else ''}", page)
    yield from _more(len(analysis.affected_integrations), page)


def _connected(analysis: RollbackAnalysis, page: Page) -> Iterator[str]:
    """Who is using the database now, as far as its sessions tell; nobody is no news."""
    if analysis.sessions:
        told = ", ".join(
            f"{one_line(role)} ({counted(count, 'session')})" for role, count in analysis.sessions
        )
        yield from _fact("connected", told, page)


def _stakes(analysis: RollbackAnalysis, page: Page) -> Iterator[str]:
    # What nobody keeps comes first: it must not be the part of a long list that is cut.
    full = sorted((each for each in analysis.stakes if not each.empty), key=lambda each: each.kept)
    if not full:
        yield from _fact("at stake", "no data", page)
        return
    yield from _fact("at stake", "what the downgrades destroy, counted now", page)
    for each in full[:_SHOWN]:
        kept = "kept for a later upgrade" if each.kept else f"NOT kept: {each.not_kept}"
        yield from _item(f"{each.shown} ({each.key}); {kept}", page)
    yield from _more(len(full), page)


def _fact(name: str, text: str, page: Page, *, colour: str = "") -> list[str]:
    lines = page.wrapped(text, first=f"{name:<11} ", then=" " * 12)
    return [line.replace(text, page.paint(text, colour)) for line in lines] if colour else lines


def _item(text: str, page: Page) -> list[str]:
    return page.wrapped(one_line(text), first=" " * 12 + "· ", then=" " * 14)


def _more(number: int, page: Page) -> Iterator[str]:
    if number > _SHOWN:
        yield from _item(f"and {number - _SHOWN} more; --format json has them all", page)
