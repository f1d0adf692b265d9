"""What a plan demands of rows and what came of it, as Markdown; every name in it is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionOutcome
from coordinator.reports.escaping import markdown_cell, markdown_code, markdown_fence, markdown_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coordinator.model.precondition import PreconditionResult

_GRAVEST_FIRST = (
    PreconditionOutcome.VIOLATED,
    PreconditionOutcome.NOT_CHECKED,
    PreconditionOutcome.HOLDS,
)


def preconditions_markdown(results: Iterable[PreconditionResult]) -> str:
    """A table of all demands, what is violated first, and below it the queries that show the rows, folded."""
    told = sorted(results, key=lambda each: _GRAVEST_FIRST.index(each.outcome))
    if not told:
        return ""
    lines = ["| demand | revision | outcome |", "|---|---|---|", *(_row(each) for each in told)]
    violated = [each for each in told if each.outcome is PreconditionOutcome.VIOLATED and each.query]
    return "\n".join((*lines, *_queries(violated))) + "\n"


def _row(result: PreconditionResult) -> str:
    demand = result.precondition
    match result.outcome:
        case PreconditionOutcome.VIOLATED:
            outcome = f"**violated:** {markdown_text(result.breaking)}"
        case PreconditionOutcome.NOT_CHECKED:
            outcome = f"not checked: {markdown_text(result.why)}"
        case PreconditionOutcome.HOLDS:
            outcome = "holds"
    return f"| {markdown_text(demand.what)} | {markdown_cell(markdown_code(str(demand.key)))} | {outcome} |"


def _queries(violated: list[PreconditionResult]) -> Iterator[str]:
    if not violated:
        return
    yield from ("", "<details><summary>To see the rows</summary>", "")
    for each in violated:
        yield from markdown_fence(f"{each.query};", "sql")
    yield from ("", "</details>")
