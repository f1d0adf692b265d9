"""What the statements of a rehearsal would mean at the sizes that tables have, in lines for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.forecast import Blocks
from coordinator.reports.wording import one_line, seconds_text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.capture import Direction
    from coordinator.model.forecast import Forecast
    from coordinator.reports.page import Page

_COLOURS = {Blocks.READING: "red", Blocks.WRITING: "yellow", Blocks.NOBODY: "blue"}
_SHOWN = 10
_WORTH_SAYING = 1.0  # second


def forecast_lines(
    forecasts: Iterable[Forecast], page: Page, *, direction: Direction, where: str, shown: int = _SHOWN
) -> list[str]:
    """What others can notice of the steps in this direction, in the order given; nothing where nobody can.

    `where` says whose sizes these are ("the target").
    """
    told = felt(forecasts, direction)
    if not told:
        return []
    lines = page.wrapped(f"locks and work on tables, at the sizes of {where}:", then="  ")
    for each in told[:shown]:
        lines.extend(_sentence(each, page))
        lines.extend(page.wrapped(whose(each), first="      ", then="      "))
        for line in remarks(each):
            lines.extend(page.wrapped(line, first="      ", then="      "))
    if len(told) > shown:
        lines.append(f"  and {len(told) - shown} more, all of them with --format json")
    return lines


def _sentence(each: Forecast, page: Page) -> list[str]:
    lead = f"{each.schema}.{each.table}"
    rest = one_line(each.sentence).removeprefix(lead)
    return page.wrapped(rest, first="  ", then="    ", lead=lead, colour=_COLOURS[each.blocks])


def felt(forecasts: Iterable[Forecast], direction: Direction) -> tuple[Forecast, ...]:
    """Those of one direction that anybody else can notice."""
    return tuple(each for each in forecasts if each.direction is direction and each.is_felt)


def whose(each: Forecast) -> str:
    """Which statement of which step does it."""
    line = f" line {each.line}" if each.line else ""
    return one_line(f"{each.key}{line}: {each.sql}")


def remarks(each: Forecast) -> tuple[str, ...]:
    """What else is worth saying: that the author never named the table, how long it may take, what it waits for."""
    owner = (
        f", which belongs to module {each.module}" if each.module and each.module != each.key.module else ""
    )
    found = []
    if not each.named:
        by = f" (by its index {each.through})" if each.through else ""
        found.append(f"the statement does not name {each.schema}.{each.table}{owner}{by}")
    elif owner:
        found.append(f"{each.schema}.{each.table} belongs to module {each.module}")
    if each.estimate is not None and each.estimate.seconds >= _WORTH_SAYING:
        found.append(f"about {seconds_text(each.estimate.seconds)}, an estimate: {each.estimate.basis}")
    if each.waits_for:
        found.append(f"before it ends it waits for {each.waits_for}; nobody waits for it")
    elif each.alone and each.blocks is not Blocks.NOBODY:
        found.append("it commits by itself, so others wait only while it runs")
    return tuple(found)
