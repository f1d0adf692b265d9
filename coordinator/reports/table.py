"""A table of text with aligned columns, no wider than what shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.reports.wording import one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.reports.page import Page, Paint

_GAP = "  "
_NARROWEST = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One cell; `colour` is empty for none."""

    text: str
    colour: str = ""


def table(headings: Sequence[str], rows: Sequence[Sequence[Cell | str]], page: Page) -> list[str]:
    """The lines of a table. What does not fit is cut from the last column, then from the widest, never from the first.

    A column whose cells are all empty is left out.
    """
    cells = [[each if isinstance(each, Cell) else Cell(text=each) for each in row] for row in rows]
    cells = [
        [Cell(text=page.short(one_line(each.text)), colour=each.colour) for each in row] for row in cells
    ]
    kept = [number for number in range(len(headings)) if any(row[number].text for row in cells)]
    if not kept:
        return []
    titles = [Cell(text=headings[number]) for number in kept]
    body = [[row[number] for number in kept] for row in cells]
    widths = _fitted(
        [max(len(row[each].text) for row in (titles, *body)) for each in range(len(kept))], page.width
    )
    return [_line(row, widths, page.paint) for row in (titles, *body)]


def _fitted(widths: list[int], width: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) + len(_GAP) * (len(fitted) - 1) > width and len(fitted) > 1:
        last = len(fitted) - 1
        widest = max(range(1, len(fitted)), key=lambda each: fitted[each])
        chosen = last if fitted[last] > _NARROWEST else widest
        if fitted[chosen] <= _NARROWEST:
            break
        fitted[chosen] -= 1
    return fitted


def _line(row: list[Cell], widths: list[int], paint: Paint) -> str:
    parts = []
    for cell, width in zip(row, widths, strict=True):
        text = shortened(cell.text, width)
        shown = paint(text, cell.colour) if cell.colour else text
        parts.append(shown + " " * (width - len(text)))
    return _GAP.join(parts).rstrip()
