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
    """Severity and rule, the sentence with its place, what is listed below it, and the remedy."""
    sentence, *listed = message_lines(finding)
    lines = page.wrapped(
        f" {finding.rule}: {sentence}",
        then="  ",
        lead=finding.severity.value,
        colour=_COLOURS[finding.severity],
    )
    for line in listed:
        lines.extend(page.wrapped(line, first="    ", then="      "))
    if finding.help:
        remedy, *shown = finding.help.splitlines()
        lines.extend(page.wrapped(f"→ {one_line(remedy)}", first="  ", then="    "))
        lines.extend(f"      {_as_it_stands(page.short(line))}".rstrip() for line in shown)
    return lines


def _as_it_stands(line: str) -> str:
    """A line of a listing or a difference: its blanks mean something, and what is not printable stays out."""
    return "".join(each if each.isprintable() else "�" for each in line.expandtabs(4))


def message_lines(finding: Finding) -> tuple[str, ...]:
    """The sentence, with the place where it does not already tell it, and the lines that the message lists below."""
    sentence, *listed = (one_line(line) for line in finding.message.splitlines() or [""])
    if finding.place is not None and str(finding.place) not in finding.message:
        sentence = f"{sentence} ({finding.place})"
    return (sentence, *filter(None, listed))


def gravest_first(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """The findings, each once, errors before warnings before notes; otherwise in their order."""
    return tuple(dict.fromkeys(sorted(findings, key=lambda finding: _GRAVEST_FIRST.index(finding.severity))))
