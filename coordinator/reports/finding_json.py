"""Findings and places as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.finding import Finding
    from coordinator.model.names import Place


def place_as_json(place: Place | None) -> dict[str, object] | None:
    """File and line; the line is null for a file as a whole."""
    if place is None:
        return None
    return {"file": place.file, "line": place.line or None}


def finding_as_json(finding: Finding) -> dict[str, object]:
    """One finding with every field, null where it says nothing."""
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "module": finding.module,
        "revision": None if finding.revision is None else str(finding.revision),
        "place": place_as_json(finding.place),
        "help": finding.help,
    }


def findings_as_json(findings: Iterable[Finding]) -> list[dict[str, object]]:
    """The findings in their order, each once."""
    return [finding_as_json(each) for each in dict.fromkeys(findings)]
