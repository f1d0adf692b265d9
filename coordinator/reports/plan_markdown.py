"""A plan as a Markdown document, for a pull request; every name in it is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.reports.at_stake import NO_STAKES, stakes_told
from coordinator.reports.escaping import markdown_cell, markdown_code, markdown_fence, markdown_text
from coordinator.reports.finding_text import gravest_first, message_lines
from coordinator.reports.plan_text import (
    binding_edges,
    brief,
    changes_told,
    first_difference,
    plan_title,
    segment_title,
    why_no_plan,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.finding import Finding
    from coordinator.model.kept import AtStake
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency, MigrationPlan, RunPlan, Segment, Step
    from coordinator.reports.at_stake import Stakes


def plan_markdown(
    plans: Sequence[RunPlan],
    findings: Sequence[Finding],
    *,
    pending: int = 0,
    stakes: Stakes = NO_STAKES,
) -> str:
    """The likeliest of the candidate plans: findings first, then segments, then each module's part.

    `stakes` is what its steps destroy.
    """
    lines = ["# Migration plan", ""]
    if not plans and pending:
        lines.append(f"**No plan:** {why_no_plan(pending)}.")
    elif not plans or not plans[0].steps:
        lines.append("Nothing to do: every module is at its head.")
    else:
        plan = plans[0]
        lines.append(f"{plan_title(plan)}. Guarantee: **{markdown_text(plan.guarantee.value)}**.")
        lines.extend(_other_orders(plans))
    lines.extend(_findings(findings))
    if plans and plans[0].steps:
        binding = binding_edges(plans[0])
        for segment in plans[0].segments:
            lines.extend(_segment(segment, binding, stakes))
        for part in plans[0].modules:
            lines.extend(_module(part))
    return "\n".join(lines) + "\n"


def _other_orders(plans: Sequence[RunPlan]) -> Iterator[str]:
    if len(plans) > 1:
        yield ""
        yield f"{len(plans)} orders are possible; the rehearsal decides. Shown is the first."
        yield ""
        for number, other in enumerate(plans[1:], start=2):
            yield f"- Order {number} {markdown_text(first_difference(plans[0], other))}."


def _findings(findings: Sequence[Finding]) -> Iterator[str]:
    if findings:
        yield from ("", "## Findings", "")
        for finding in gravest_first(tuple(findings)):
            told = "<br>".join(markdown_text(line) for line in message_lines(finding))
            help_text = f" → {markdown_text(finding.help)}" if finding.help else ""
            yield f"- **{finding.severity.value}** {markdown_code(finding.rule)}: {told}{help_text}"


def _segment(
    segment: Segment, binding: Mapping[RevisionKey, tuple[Dependency, ...]], stakes: Stakes
) -> Iterator[str]:
    yield from ("", f"## {segment_title(segment).capitalize()}", "")
    yield "| # | revision | what it does | goes after |"
    yield "|--:|---|---|---|"
    yield from (_row(step, binding[step.key], stakes.get(step.key, ())) for step in segment.steps)


def _row(step: Step, edges: tuple[Dependency, ...], stakes: tuple[AtStake, ...]) -> str:
    does = [markdown_text(step.message), *(markdown_text(told) for told, _ in changes_told(step))]
    if step.irreversible:
        does.append(f"**irreversible:** {markdown_text(step.irreversible)}")
    does.extend(markdown_text(told) for told, _ in stakes_told(stakes))
    because = (f"{_cell(str(edge.before))}: {markdown_text(brief(edge))}" for edge in edges)
    return f"| {step.position} | {_cell(str(step.key))} | {'<br>'.join(does)} | {'<br>'.join(because)} |"


def _cell(name: str) -> str:
    return markdown_cell(markdown_code(name))


def _module(part: MigrationPlan) -> Iterator[str]:
    yield from ("", f"## Module {markdown_text(part.module)}", "")
    affected = ", ".join(markdown_code(each) for each in part.affected_modules) or "none"
    yield f"- Changes: {len(part.changes)}"
    yield f"- Affected modules: {affected}"
    yield from (f"- Depends on: {markdown_text(each)}" for each in part.dependencies)
    if part.rollback_script:
        yield from ("", "<details><summary>Rollback script</summary>", "")
        yield from markdown_fence(part.rollback_script, "sql")
        yield from ("", "</details>")
