"""A plan as people read it on a terminal: segments, steps, what each does and why it stands where it stands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.plan import Reason
from coordinator.reports.finding_text import finding_lines
from coordinator.reports.wording import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency, RunPlan, Segment, Step
    from coordinator.reports.page import Page

_SHOWN_CHANGES = 5
_INNER = " " * 8
_DEEPER = " " * 10


def plan_text(plans: Sequence[RunPlan], findings: Sequence[Finding], page: Page) -> str:
    """The likeliest of the candidate plans. Edges inside a module are not told: its own order is no news."""
    if not plans or not plans[0].steps:
        lines = [page.paint("nothing to do", "green") + ": every module is at its head"]
    else:
        lines = [*_plan(plans[0], page), *_other_orders(plans, page)]
    if findings:
        lines.append("")
        lines.extend(line for finding in findings for line in finding_lines(finding, page))
    return "\n".join(lines) + "\n"


def _plan(plan: RunPlan, page: Page) -> Iterator[str]:
    yield plan_title(plan)
    yield from page.wrapped(f"guarantee: {plan.guarantee.value}", then="  ")
    for segment in plan.segments:
        yield ""
        yield page.paint(segment_title(segment), "cyan")
        for step in segment.steps:
            yield from _step(step, page)


def plan_title(plan: RunPlan) -> str:
    """`43 steps of 6 modules in 5 segments`."""
    modules = {step.key.module for step in plan.steps}
    where = "1 segment" if len(plan.segments) == 1 else f"{len(plan.segments)} segments"
    return f"{counted(len(plan.steps), 'step')} of {counted(len(modules), 'module')} in {where}"


def segment_title(segment: Segment) -> str:
    """`segment 2: commits statement by statement, 1 step`."""
    how = "one transaction" if segment.transactional else "commits statement by statement"
    return f"segment {segment.position}: {how}, {counted(len(segment.steps), 'step')}"


def _step(step: Step, page: Page) -> Iterator[str]:
    name = f"{step.key}  {one_line(step.message)}"
    yield from page.wrapped(name, first=f"{step.position:>4}  ", then=_INNER)
    for change in step.changes[:_SHOWN_CHANGES]:
        for line in page.wrapped(one_line(change.description), first=_INNER, then=_DEEPER):
            yield page.paint(line, "red") if change.loses_data else line
    if len(step.changes) > _SHOWN_CHANGES:
        yield f"{_INNER}and {counted(len(step.changes) - _SHOWN_CHANGES, 'more change')}"
    if step.irreversible:
        yield from page.wrapped(f"irreversible: {one_line(step.irreversible)}", first=_INNER, then=_DEEPER)
    for edge in told_edges(step):
        yield from page.wrapped(edge_sentence(edge), first=_INNER, then=_DEEPER)


def told_edges(step: Step) -> tuple[Dependency, ...]:
    """Edges to other modules and those that only a rehearsal found: the first of each pair of revisions."""
    told = (
        edge
        for edge in step.because
        if edge.before.module != step.key.module or edge.reason is Reason.REHEARSED
    )
    first: dict[RevisionKey, Dependency] = {}
    for edge in told:
        first.setdefault(edge.before, edge)
    return tuple(first.values())


def edge_sentence(edge: Dependency) -> str:
    """`after crm:9c: 'agendamento:4f' uses column 'crm.customers.telefone2', which 'crm:9c' creates (file:line)`."""
    return f"after {edge.before}: {one_line(edge.why)}"


def _other_orders(plans: Sequence[RunPlan], page: Page) -> Iterator[str]:
    if len(plans) < 2:
        return
    yield ""
    yield f"{len(plans)} orders are possible; the rehearsal decides. Shown is the first."
    for number, other in enumerate(plans[1:], start=2):
        sentence = first_difference(plans[0], other)
        yield from page.wrapped(f"order {number} {sentence}", first="  ", then="    ")


def first_difference(plan: RunPlan, other: RunPlan) -> str:
    """Where another order first leaves this one, as the end of a sentence."""
    for one, two in zip(plan.steps, other.steps, strict=False):
        if one.key != two.key:
            return f"has {two.key} at place {two.position}, where this one has {one.key}"
    return "has the same steps in other segments"
