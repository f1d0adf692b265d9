"""Why one step stands where it stands: what it waits for, and what waits for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.reports.escaping import markdown_code, markdown_text
from coordinator.reports.plan_json import dependency_as_json, step_as_json
from coordinator.reports.plan_mermaid import arrows, box
from coordinator.reports.wording import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency, RunPlan, Segment, Step
    from coordinator.reports.page import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """One step of a plan with the edges around it.

    `earliest` is the first place at which all that it waits for is done. `later` are the steps that wait for it
    only by way of others.
    """

    step: Step
    segment: Segment
    steps: int
    waits_for: tuple[Dependency, ...]
    waiting: tuple[Dependency, ...]
    later: tuple[RevisionKey, ...]
    earliest: int
    neighbours: tuple[Step, ...]


def explain(plan: RunPlan, key: RevisionKey) -> Explanation:
    """Explain one step. Raises KeyError when it is not part of the plan."""
    by_key = {step.key: step for step in plan.steps}
    step = by_key[key]
    waiting = tuple(edge for other in plan.steps for edge in other.because if edge.before == key)
    direct = {edge.after for edge in waiting}
    later = tuple(each for each in _reached(plan, key) if each not in direct)
    around = {*direct, *(edge.before for edge in step.because)}
    return Explanation(
        step=step,
        segment=next(segment for segment in plan.segments if step in segment.steps),
        steps=len(plan.steps),
        waits_for=step.because,
        waiting=waiting,
        later=later,
        earliest=1
        + max((by_key[edge.before].position for edge in step.because if edge.before in by_key), default=0),
        neighbours=tuple(each for each in plan.steps if each.key in around),
    )


def _reached(plan: RunPlan, key: RevisionKey) -> tuple[RevisionKey, ...]:
    """Everything that waits for the step, in the plan's order: edges only point forward in it."""
    reached = {key}
    for step in plan.steps:
        if any(edge.before in reached for edge in step.because):
            reached.add(step.key)
    return tuple(step.key for step in plan.steps if step.key in reached and step.key != key)


def explanation_text(explained: Explanation, page: Page) -> str:
    """For a terminal."""
    step = explained.step
    lines = [
        *page.wrapped(f"{step.key}  {one_line(step.message)}", then="  "),
        page.short(f"  {step.place}"),
        f"  {_where(explained)}",
        "",
        *_edges("it goes after", explained.waits_for, page, before=True),
        *page.wrapped(_room(explained), first="  ", then="  "),
        "",
        *_edges("these must wait for it", explained.waiting, page, before=False),
    ]
    if explained.later:
        names = ", ".join(str(each) for each in explained.later)
        told = f"by way of these, {counted(len(explained.later), 'more step')}: {names}"
        lines.extend(page.wrapped(told, first="  ", then="    "))
    return "\n".join(lines) + "\n"


def _where(explained: Explanation) -> str:
    how = "one transaction" if explained.segment.transactional else "commits statement by statement"
    return f"step {explained.step.position} of {explained.steps}, in segment {explained.segment.position} ({how})"


def _room(explained: Explanation) -> str:
    """What is left to choice: the rules for free steps decide between the earliest place and the real one."""
    if explained.earliest == explained.step.position:
        return "It stands as early as it can."
    return (
        f"It could stand at place {explained.earliest}. Among free steps come first those that keep the open"
        " transaction open, then the map's order, the module's name, the place in its own tree."
    )


def _edges(title: str, edges: tuple[Dependency, ...], page: Page, *, before: bool) -> Iterator[str]:
    yield page.paint(title if edges else f"{title}: none", "cyan")
    for edge in edges:
        other = edge.before if before else edge.after
        yield from page.wrapped(
            f"{edge.reason.value:<9} {other}: {one_line(edge.why)}", first="  ", then="            "
        )
        if edge.place is not None:
            yield page.short(f"            at {edge.place}")


def explanation_json(explained: Explanation) -> dict[str, object]:
    """For machines."""
    return {
        "step": step_as_json(explained.step),
        "segment": explained.segment.position,
        "steps": explained.steps,
        "earliestPosition": explained.earliest,
        "waitsFor": [dependency_as_json(each) for each in explained.waits_for],
        "waitingForIt": [dependency_as_json(each) for each in explained.waiting],
        "waitingIndirectly": [str(each) for each in explained.later],
    }


def explanation_markdown(explained: Explanation) -> str:
    """For a pull request."""
    step = explained.step
    lines = [f"# {markdown_code(str(step.key))} {markdown_text(step.message)}", ""]
    lines.append(f"{_where(explained).capitalize()}. {_room(explained)}")
    for title, edges, before in (
        ("Goes after", explained.waits_for, True),
        ("Must wait for it", explained.waiting, False),
    ):
        lines.extend(("", f"## {title}", ""))
        lines.extend(_bullet(edge, edge.before if before else edge.after) for edge in edges)
        lines.extend([] if edges else ["Nothing."])
    if explained.later:
        lines.extend(
            ("", f"By way of these: {', '.join(markdown_code(str(each)) for each in explained.later)}")
        )
    return "\n".join(lines) + "\n"


def _bullet(edge: Dependency, other: RevisionKey) -> str:
    place = "" if edge.place is None else f" ({markdown_code(str(edge.place))})"
    return f"- **{edge.reason.value}** {markdown_code(str(other))}: {markdown_text(edge.why)}{place}"


def explanation_mermaid(explained: Explanation) -> str:
    """The step and those around it."""
    steps = sorted((explained.step, *explained.neighbours), key=lambda each: each.position)
    nodes = {each.key: f"s{each.position}" for each in steps}
    lines = ["flowchart TD", *(f"  {box(each)}" for each in steps)]
    lines.extend(arrows((*explained.waits_for, *explained.waiting), nodes))
    lines.append(f"  style s{explained.step.position} stroke-width:4px")
    return "\n".join(lines) + "\n"
