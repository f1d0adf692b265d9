"""A gate's report for GitLab's Code Quality widget: one entry a finding."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from coordinator.model.finding import Severity
from coordinator.reports.gate.identity import identified, place_of
from coordinator.reports.wording import one_line

if TYPE_CHECKING:
    from coordinator.reports.gate.json_ import Document
    from coordinator.reports.gate.reading import Reported

_SEVERITIES: Final = {Severity.ERROR: "blocker", Severity.WARNING: "minor", Severity.NOTE: "info"}


def gate_code_quality(document: Document) -> str:
    """The array of findings; an empty one says that there are none."""
    entries = [_entry(document, each, fingerprint) for fingerprint, each in identified(document)]
    return json.dumps(entries, indent=2, ensure_ascii=False) + "\n"


def _entry(document: Document, reported: Reported, fingerprint: str) -> dict[str, object]:
    finding = reported.finding
    file, line = place_of(document, reported)
    remedy = f" ({one_line(finding.help)})" if finding.help else ""
    return {
        "description": f"{one_line(finding.message)}{remedy}",
        "check_name": finding.rule,
        "fingerprint": fingerprint,
        "severity": _SEVERITIES[finding.severity],
        "location": {"path": file, "lines": {"begin": max(line, 1)}},
    }
