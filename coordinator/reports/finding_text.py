"""A finding as lines of text, for documents."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Severity
from coordinator.reports.wording import one_line

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.reports.page import Page

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
_GRAVEST_FIRST = tuple(Severity)


def finding_lines(finding: Finding, page: Page) -> list[str]:
    """Severity and rule, the sentence with its place, and the remedy below it."""
    lines = page.wrapped(
        f" {finding.rule}: {sentence_with_place(finding)}",
        then="  ",
        lead=finding.severity.value,
        colour=_COLOURS[finding.severity],
    )
    if finding.help:
        lines.extend(page.wrapped(f"→ {one_line(finding.help)}", first="  ", then="    "))
    return lines


def sentence_with_place(finding: Finding) -> str:
    """The message, with the place where it does not already tell it."""
    message = one_line(finding.message)
    if finding.place is None or str(finding.place) in message:
        return message
    return f"{message} ({finding.place})"


def gravest_first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, each once, errors before warnings before notes; otherwise in their order."""
    return tuple(dict.fromkeys(sorted(findings, key=lambda finding: _GRAVEST_FIRST.index(finding.severity))))
