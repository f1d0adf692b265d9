"""A plan as people read it on a terminal: segments, steps, what each does and why it stands where it stands."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from coordinator.model.plan import Reason
from coordinator.reports.at_stake import NO_STAKES, stakes_told
from coordinator.reports.finding_text import finding_lines
from coordinator.reports.wording import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.finding import Finding
    from coordinator.model.kept import AtStake
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency, RunPlan, Segment, Step
    from coordinator.reports.at_stake import Stakes
    from coordinator.reports.page import Page

_SHOWN_CHANGES = 5
_PLACES = re.compile(r" \([^()\s]+:\d+\)")
_INNER = " " * 8
_DEEPER = " " * 10


def plan_text(
    plans: Sequence[RunPlan],
    findings: Sequence[Finding],
    page: Page,
    *,
    pending: int = 0,
    stakes: Stakes = NO_STAKES,
) -> str:
    """The likeliest of the candidate plans. Edges inside a module are not told: its own order is no news.

    Without a plan, `pending` tells apart that nothing is to be done from that nothing can be done. `stakes` is what
    the steps of the first plan destroy.
    """
    if not plans and pending:
        lines = page.wrapped(f": {why_no_plan(pending)}", lead="no plan", colour="red")
    elif not plans or not plans[0].steps:
        lines = [page.paint("nothing to do", "green") + ": every module is at its head"]
    else:
        lines = [*_plan(plans[0], stakes, page), *_other_orders(plans, page)]
    if findings:
        lines.append("")
        lines.extend(line for finding in findings for line in finding_lines(finding, page))
    return "\n".join(lines) + "\n"


def _plan(plan: RunPlan, stakes: Stakes, page: Page) -> Iterator[str]:
    yield plan_title(plan)
    yield from page.wrapped(f"guarantee: {plan.guarantee.value}", then="  ")
    binding = binding_edges(plan)
    for segment in plan.segments:
        yield ""
        yield page.paint(segment_title(segment), "cyan")
        for step in segment.steps:
            yield from _step(step, binding[step.key], stakes.get(step.key, ()), page)


def why_no_plan(pending: int) -> str:
    """What to say when revisions are pending and there is no plan."""
    return f"{counted(pending, 'pending revision')} cannot be planned as they are"


def plan_title(plan: RunPlan) -> str:
    """`43 steps of 6 modules in 5 segments`."""
    modules = {step.key.module for step in plan.steps}
    where = "1 segment" if len(plan.segments) == 1 else f"{len(plan.segments)} segments"
    return f"{counted(len(plan.steps), 'step')} of {counted(len(modules), 'module')} in {where}"


def segment_title(segment: Segment) -> str:
    """`segment 2: commits statement by statement, 1 step`."""
    how = "one transaction" if segment.transactional else "commits statement by statement"
    return f"segment {segment.position}: {how}, {counted(len(segment.steps), 'step')}"


def _step(
    step: Step, edges: tuple[Dependency, ...], stakes: tuple[AtStake, ...], page: Page
) -> Iterator[str]:
    name = f"{step.key}  {one_line(step.message)}"
    yield from page.wrapped(name, first=f"{step.position:>4}  ", then=_INNER)
    changes = changes_told(step)
    for told, loses in changes[:_SHOWN_CHANGES]:
        for line in page.wrapped(told, first=_INNER, then=_DEEPER):
            yield page.paint(line, "red") if loses else line
    if len(changes) > _SHOWN_CHANGES:
        yield f"{_INNER}and {counted(len(changes) - _SHOWN_CHANGES, 'more change')}"
    if step.irreversible:
        yield from page.wrapped(f"irreversible: {one_line(step.irreversible)}", first=_INNER, then=_DEEPER)
    for told, kept in stakes_told(stakes):
        for line in page.wrapped(told, first=_INNER, then=_DEEPER):
            yield line if kept else page.paint(line, "red")
    for edge in edges:
        yield from page.wrapped(f"after {edge.before}: {brief(edge)}", first=_INNER, then=_DEEPER)


def changes_told(step: Step) -> tuple[tuple[str, bool], ...]:
    """Each different change in one line, how often it is made, and whether it loses data."""
    counts = Counter((one_line(each.description), each.loses_data) for each in step.changes)
    return tuple(
        (told if count == 1 else f"{told}, {count} times", loses) for (told, loses), count in counts.items()
    )


def binding_edges(plan: RunPlan) -> Mapping[RevisionKey, tuple[Dependency, ...]]:
    """For each step the edges that hold it where it is: to other modules, and implied by no other edge.

    Of several edges between the same two revisions it is the first. An edge found by rehearsal is always told.
    """
    before: dict[RevisionKey, int] = {}  # each step's ancestors, one bit a position
    bits = {step.key: 1 << step.position for step in plan.steps}
    binding = {}
    for step in plan.steps:
        direct = dict.fromkeys(edge.before for edge in step.because if edge.before in before)
        implied = 0
        for key in direct:
            implied |= before[key]
        before[step.key] = implied
        for key in direct:
            before[step.key] |= bits[key]
        told: dict[RevisionKey, Dependency] = {}
        for edge in step.because:
            foreign = edge.before.module != step.key.module and not bits.get(edge.before, 0) & implied
            if foreign or edge.reason is Reason.REHEARSED:
                told.setdefault(edge.before, edge)
        binding[step.key] = tuple(told.values())
    return binding


def brief(edge: Dependency) -> str:
    """The reason behind `after crm:9c:`, which names the other step already: `it uses column 'crm.customers.phone'`."""
    after, before = f"'{edge.after}'", f"'{edge.before}'"
    told = _PLACES.sub("", one_line(edge.why)).replace(f" of {after}", "").replace(f" of {before}", "")
    told = told.replace(f", which {before} creates", "")
    return told.replace(after, "it").replace(before, "that one")


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
