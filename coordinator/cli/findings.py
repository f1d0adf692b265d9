"""Findings as people read them: severity and rule, the sentence, the remedy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.reports.finding_text import finding_lines, gravest_first
from coordinator.reports.page import Page

if TYPE_CHECKING:
    from coordinator.cli.terminal import Terminal
    from coordinator.reports.page import Paint

_INDENT = "  "


def show_findings(findings: tuple[Finding, ...], out: Terminal, *, notes: bool = True) -> None:
    """Write findings, the gravest first; the same finding is written once."""
    page = Page(width=out.width - len(_INDENT), paint=_painter(out), folder=str(Path.cwd()))
    for finding in gravest_first(findings):
        if finding.severity is Severity.NOTE and not notes:
            continue
        for line in finding_lines(finding, page):
            out.line(_INDENT + line)


def _painter(out: Terminal) -> Paint:
    """Errors stand out."""
    return lambda text, colour: out.styled(text, colour, bold=colour == "red")


def with_place(finding: Finding) -> str:
    """The message, with the place where it does not already tell it."""
    if finding.place is None or str(finding.place) in finding.message:
        return finding.message
    return f"{finding.message} ({finding.place})"
