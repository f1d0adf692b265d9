"""Findings as people read them: severity and rule, the sentence, the remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity

if TYPE_CHECKING:
    from coordinator.cli.terminal import Terminal

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "blue"}
_ORDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def show_findings(findings: tuple[Finding, ...], out: Terminal, *, notes: bool = True) -> None:
    """Write findings, the gravest first; the same finding is written once."""
    for finding in dict.fromkeys(sorted(findings, key=lambda each: _ORDER[each.severity])):
        if finding.severity is Severity.NOTE and not notes:
            continue
        word = out.styled(
            finding.severity.value, _COLOURS[finding.severity], bold=finding.severity is Severity.ERROR
        )
        out.wrapped(f"{word} {finding.rule}: {with_place(finding)}", indent="  ", following="    ")
        if finding.help:
            out.wrapped(f"→ {finding.help}", indent="    ", following="      ")


def with_place(finding: Finding) -> str:
    """The message, with the place where it does not already tell it."""
    if finding.place is None or str(finding.place) in finding.message:
        return finding.message
    return f"{finding.message} ({finding.place})"
