"""What the statements of a rehearsal would mean at the sizes that tables have, as Markdown; every name is escaped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.forecast import size_words
from coordinator.reports.escaping import markdown_cell, markdown_code, markdown_text
from coordinator.reports.forecast_text import felt, remarks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.capture import Direction
    from coordinator.model.forecast import Forecast

_SHOWN = 10


def forecast_markdown(
    forecasts: Iterable[Forecast], *, direction: Direction, where: str, shown: int = _SHOWN
) -> str:
    """A table, and folded below it what does not fit; empty where nobody else can notice anything."""
    told = felt(forecasts, direction)
    if not told:
        return ""
    lines = [f"At the sizes of {markdown_text(where)}:", "", *_table(told[:shown])]
    if len(told) > shown:
        lines.extend(("", f"<details><summary>{len(told) - shown} more</summary>", ""))
        lines.extend((*_table(told[shown:]), "", "</details>"))
    return "\n".join(lines) + "\n"


def _table(told: tuple[Forecast, ...]) -> list[str]:
    return [
        "| table | size | lock | who waits | statement | |",
        "|---|---|---|---|---|---|",
        *(_row(each) for each in told),
    ]


def _row(each: Forecast) -> str:
    work = ", ".join(kind.value for kind in each.works)
    place = f"{each.key}{f' line {each.line}' if each.line else ''}"
    cells = (
        _code(f"{each.schema}.{each.table}"),
        markdown_text(size_words(each.size)),
        markdown_text(each.mode.value) + (f" ({markdown_text(work)})" if work else ""),
        markdown_text(each.blocks.value),
        f"{_code(place)}<br>{_code(each.sql)}",
        "<br>".join(markdown_text(line) for line in remarks(each)),
    )
    return f"| {' | '.join(cells)} |"


def _code(text: str) -> str:
    return markdown_cell(markdown_code(text))
