"""A plan as a mermaid flowchart: a box for each segment, an arrow for each reason."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.plan import Reason
from coordinator.reports.escaping import mermaid_text
from coordinator.reports.plan_text import binding_edges, brief, segment_title, why_no_plan
from coordinator.reports.wording import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency, RunPlan, Segment, Step

_LONGEST_LABEL = 60


def plan_mermaid(plans: Sequence[RunPlan], *, pending: int = 0) -> str:
    """The likeliest of the candidate plans. Arrows inside a module say no reason: they are its own order.

    Arrows between modules that others imply are left out, as in the text.
    """
    lines = ["flowchart TD"]
    if not plans or not plans[0].steps:
        label = f"no plan: {why_no_plan(pending)}" if pending else "nothing to do"
        return "\n".join([*lines, f'  nothing["{mermaid_text(label)}"]']) + "\n"
    plan = plans[0]
    for segment in plan.segments:
        lines.extend(_segment(segment))
    nodes = {step.key: f"s{step.position}" for step in plan.steps}
    binding = binding_edges(plan)
    for step in plan.steps:
        own = (edge for edge in step.because if edge.before.module == step.key.module)
        lines.extend(arrows((*own, *binding[step.key]), nodes))
    return "\n".join(lines) + "\n"


def _segment(segment: Segment) -> Iterator[str]:
    yield f'  subgraph segment{segment.position}["{mermaid_text(segment_title(segment))}"]'
    for step in segment.steps:
        yield f"    {box(step)}"
    yield "  end"


def box(step: Step) -> str:
    """One step's node, named after its position."""
    message = mermaid_text(shortened(one_line(step.message), _LONGEST_LABEL))
    return f's{step.position}["{step.position}. {mermaid_text(str(step.key))}<br/>{message}"]'


def arrows(edges: Iterable[Dependency], nodes: Mapping[RevisionKey, str]) -> Iterator[str]:
    """One arrow for each pair of nodes that has an edge; those between modules say why."""
    drawn: dict[tuple[RevisionKey, RevisionKey], Dependency] = {}
    for edge in edges:
        if edge.before in nodes and edge.after in nodes:
            drawn.setdefault((edge.before, edge.after), edge)
    for edge in drawn.values():
        start, end = nodes[edge.before], nodes[edge.after]
        if edge.before.module == edge.after.module and edge.reason is not Reason.REHEARSED:
            yield f"  {start} --> {end}"
        else:
            yield f'  {start} -- "{mermaid_text(shortened(brief(edge), _LONGEST_LABEL))}" --> {end}'
