"""Findings that an author accepted, with a reason and a last day, become notes."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.checks.preflight.facts import about
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import ModuleTree, Revision, Waiver


def apply_waivers(
    findings: Iterable[Finding],
    trees: Sequence[ModuleTree],
    today: datetime.date,
    *,
    changed: frozenset[str] | None = None,
) -> tuple[Finding, ...]:
    """The same findings in the same order; a waived one is a note that says until when and why.

    A waiver stands in the revision that the finding is about, names its rule, and is good through its last
    day. Any rule can be waived, of any check that names a revision. `changed` are the modules that the change which
    is judged touches: in another module an error whose waiver has expired is a warning. None: all of them.
    """
    waivers = {
        (revision.key, waiver.rule): waiver
        for tree in trees
        for revision in tree.revisions
        for waiver in revision.waivers
    }
    return tuple(_waived(finding, waivers, today, changed) for finding in findings)


def is_over(waiver: Waiver, today: datetime.date) -> bool:
    """Whether its last day has passed."""
    return datetime.date.fromisoformat(waiver.until) < today


def unused_waivers(
    findings: Iterable[Finding], revisions: Iterable[Revision], rules: Collection[str], today: datetime.date
) -> tuple[Finding, ...]:
    """The waivers of these revisions, still good, of rules that were asked and found nothing to waive.

    `findings` are all that these rules said.
    """
    needed = {(each.revision, each.rule) for each in findings if each.revision is not None}
    return tuple(
        about(
            revision,
            "waiver-unused",
            f"waives {waiver.rule!r} until {waiver.until}, and there is nothing to waive any more.",
            severity=Severity.NOTE,
            help=f"Take {waiver.rule!r} out of `waive`.",
        )
        for revision in revisions
        for waiver in revision.waivers
        if waiver.rule in rules and (revision.key, waiver.rule) not in needed and not is_over(waiver, today)
    )


def _waived(
    finding: Finding,
    waivers: Mapping[tuple[RevisionKey, str], Waiver],
    today: datetime.date,
    changed: frozenset[str] | None,
) -> Finding:
    if finding.revision is None or finding.severity is Severity.NOTE:
        return finding
    waiver = waivers.get((finding.revision, finding.rule))
    if waiver is None:
        return finding
    if not is_over(waiver, today):
        return replace(
            finding,
            severity=Severity.NOTE,
            message=f"{finding.message} Waived until {waiver.until}: {waiver.reason.rstrip('.')}.",
        )
    if finding.severity is not Severity.ERROR or changed is None or finding.revision.module in changed:
        return finding
    return replace(
        finding,
        severity=Severity.WARNING,
        message=f"{finding.message} It was waived until {waiver.until}, and this change does not touch module"
        f" {finding.revision.module!r}.",
    )
