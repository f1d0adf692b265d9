"""What killed commands left behind, as people read it and as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.sizes import format_size
from coordinator.reports.kept_text import kept_as_json
from coordinator.reports.wording import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.kept import KeptData
    from coordinator.model.staging import Leftover
    from coordinator.reports.page import Page


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One leftover and what became of it: `removed`, or why not (empty: nothing was tried)."""

    leftover: Leftover
    removed: bool
    why_not: str = ""


def gc_text(
    removals: Sequence[Removal],
    not_seen: Sequence[str],
    *,
    dry_run: bool,
    page: Page,
    erased: Sequence[KeptData] = (),
    reports: Sequence[str] = (),
    run: int | None = None,
) -> str:
    """A line for each leftover, each erased copy and report, the places that could not be looked at, and a total.

    With `run` only what that run kept was looked for.
    """
    lines: list[str] = []
    for copy in erased:
        word = "would erase" if dry_run else "erased"
        size = f"{counted(copy.rows, 'row')}, {format_size(copy.bytes)}"
        told = f"{word}: what run {copy.run} kept of {copy.loss} ({size})"
        lines.extend(page.wrapped(one_line(told), then="  "))
    for report in reports:
        word = "would delete" if dry_run else "deleted"
        lines.extend(page.wrapped(f"{word}: {one_line(report)}", then="  "))
    for each in removals:
        word = _word(each, dry_run=dry_run)
        left = each.leftover
        told = f"{word}: {left.kind.value} {one_line(left.name)} in {one_line(left.place)} ({one_line(left.reason)})"
        lines.extend(page.wrapped(told, then="  "))
        if each.why_not:
            lines.extend(page.wrapped(one_line(each.why_not), first="  ", then="  "))
    for place in not_seen:
        lines.extend(page.wrapped(f"not looked at: {one_line(place)}", then="  "))
    removed = sum(each.removed for each in removals)
    if not removals and not erased and not reports:
        nothing = "nothing is left behind" if run is None else f"nothing is held of what run {run} kept"
        lines.append(page.paint(nothing, "green"))
    elif removals and dry_run:
        lines.append(f"would remove {counted(len(removals), 'leftover')}")
    elif removals:
        lines.append(f"removed {removed} of {counted(len(removals), 'leftover')}")
    return "\n".join(lines) + "\n"


def _word(removal: Removal, *, dry_run: bool) -> str:
    if dry_run:
        return "would remove"
    return "removed" if removal.removed else "not removed"


def gc_as_json(
    removals: Sequence[Removal],
    not_seen: Sequence[str],
    *,
    dry_run: bool,
    erased: Sequence[KeptData] = (),
    reports: Sequence[str] = (),
) -> dict[str, object]:
    """The same for machines."""
    return {
        "dryRun": dry_run,
        "leftovers": [
            {
                "kind": each.leftover.kind.value,
                "name": each.leftover.name,
                "place": each.leftover.place,
                "reason": each.leftover.reason,
                "removed": each.removed,
                "whyNot": each.why_not or None,
            }
            for each in removals
        ],
        "erased": kept_as_json(erased),
        "reports": list(reports),
        "notSeen": list(not_seen),
    }
