"""An impact report for a pull request: the verdict and who breaks in sight, the rest folded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.impact import Verdict
from coordinator.reports.escaping import markdown_cell, markdown_code, markdown_fence, markdown_text
from coordinator.reports.impact.text import (
    consumer_name,
    consumer_why,
    impact_title,
    nothing_added,
    owner_sentence,
    speaks_of_another,
    verdict_sentence,
)
from coordinator.reports.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.impact import ChangeImpact, Consumer, ImpactReport, WayOut


def impact_markdown(report: ImpactReport) -> str:
    """The whole report; every name and sentence of other people is escaped."""
    lines = [f"## Impact of {markdown_code(report.module)}: {report.verdict.value}", ""]
    if not report.revisions:
        lines.append(f"{markdown_text(nothing_added(report))}.")
    else:
        lines.append(f"{markdown_text(_since(report))}.")
        lines.extend(["", f"**{markdown_text(verdict_sentence(report))}.**"])
        lines.extend(_owners(report))
        for impact in report.changes:
            lines.extend(["", *_change(impact)])
        lines.extend(_ship_first(report))
        lines.extend(line for way in report.way_out for line in ["", *_way_out(way)])
    lines.extend(_list("Not known", report.not_known))
    lines.extend(_list("Notes", report.notes))
    return "\n".join(lines) + "\n"


def _since(report: ImpactReport) -> str:
    title = impact_title(report).removeprefix(f"impact of {report.module} ")
    return title[:1].upper() + title[1:]


def _owners(report: ImpactReport) -> Iterator[str]:
    if report.owners:
        yield ""
        yield "Ask:"
        yield ""
        yield from (f"- {markdown_text(owner_sentence(each))}" for each in report.owners)


def _change(impact: ChangeImpact) -> Iterator[str]:
    yield f"### {markdown_text(impact.change.description)}"
    yield ""
    yield f"{markdown_code(str(impact.revision))} at {markdown_code(str(impact.place))}: **{impact.verdict.value}**"
    map_only = [each for each in impact.consumers if speaks_of_another(each)]
    suffering = [
        each for each in impact.consumers if each.verdict is not Verdict.SAFE and each not in map_only
    ]
    safe = [each for each in impact.consumers if each.verdict is Verdict.SAFE and each not in map_only]
    if suffering:
        yield from ["", *_table(suffering)]
    for summary, folded in (
        (counted(len(safe), "consumer is safe", "consumers are safe"), safe),
        (counted(len(map_only), "line of the map says so", "lines of the map say so"), map_only),
    ):
        if folded:
            yield from [
                "",
                "<details>",
                f"<summary>{summary}</summary>",
                "",
                *_table(folded),
                "",
                "</details>",
            ]
    if not impact.consumers:
        yield from ["", "Nobody uses it."]


def _table(consumers: Sequence[Consumer]) -> Iterator[str]:
    """Who and where in one cell: a path is long, and a table in a pull request is not wide."""
    yield "| Verdict | Who, and where | Why |"
    yield "|---|---|---|"
    for each in consumers:
        module = f" ({markdown_text(each.module)})" if each.module else ""
        yield (
            f"| {each.verdict.value} | {markdown_text(consumer_name(each))}{module}"
            f"<br>{markdown_cell(markdown_code(each.place))} | {markdown_text(consumer_why(each))} |"
        )


def _ship_first(report: ImpactReport) -> Iterator[str]:
    if report.ship_first:
        yield from ["", "### Must ship first", ""]
        for each in report.ship_first:
            yield f"- {markdown_code(str(each.revision))}: {markdown_text(each.why)}"


def _way_out(way: WayOut) -> Iterator[str]:
    yield "<details>"
    yield f"<summary>A way out for: {markdown_text(way.change)}</summary>"
    yield ""
    for number, step in enumerate(way.steps, start=1):
        yield f"{number}. **{step.stage.value}**, in {markdown_code(step.module)}: {markdown_text(step.what)}"
        yield from (f"   - {markdown_code(place)}" for place in step.places)
        if step.code:
            yield ""
            yield from (f"   {line}".rstrip() for line in markdown_fence(step.code, "python"))
            yield ""
    yield from ["", "</details>"]


def _list(title: str, items: Sequence[str]) -> Iterator[str]:
    if items:
        yield from ["", f"### {title}", ""]
        yield from (f"- {markdown_text(each)}" for each in items)
