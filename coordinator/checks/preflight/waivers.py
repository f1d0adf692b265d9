"""Findings that an author accepted, with a reason and a last day, become notes."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree, Waiver


def apply_waivers(
    findings: Iterable[Finding], trees: Sequence[ModuleTree], today: datetime.date
) -> tuple[Finding, ...]:
    """The same findings in the same order; a waived one is a note that says until when and why.

    A waiver stands in the revision that the finding is about, names its rule, and is good through its last
    day. Any rule can be waived, of any check that names a revision.
    """
    waivers = {
        (revision.key, waiver.rule): waiver
        for tree in trees
        for revision in tree.revisions
        for waiver in revision.waivers
        if datetime.date.fromisoformat(waiver.until) >= today
    }
    return tuple(_waived(finding, waivers) for finding in findings)


def _waived(finding: Finding, waivers: dict[tuple[RevisionKey, str], Waiver]) -> Finding:
    if finding.revision is None or finding.severity is Severity.NOTE:
        return finding
    waiver = waivers.get((finding.revision, finding.rule))
    if waiver is None:
        return finding
    return replace(
        finding,
        severity=Severity.NOTE,
        message=f"{finding.message} Waived until {waiver.until}: {waiver.reason.rstrip('.')}.",
    )
