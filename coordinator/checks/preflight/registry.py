"""The preflight checks, in the order in which they speak; the only list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coordinator.checks.preflight.ambiguous_version_row import AmbiguousVersionRow
from coordinator.checks.preflight.below_applied_head import BelowAppliedHead
from coordinator.checks.preflight.edited_revision import EditedRevision
from coordinator.checks.preflight.empty_downgrade import EmptyDowngrade
from coordinator.checks.preflight.foreign_depends_on import ForeignDependsOn
from coordinator.checks.preflight.identifier_too_long import IdentifierTooLong
from coordinator.checks.preflight.missing_revision_file import MissingRevisionFile
from coordinator.checks.preflight.not_loadable import NotLoadable
from coordinator.checks.preflight.outside_transaction import OutsideTransaction
from coordinator.checks.preflight.own_connection import OwnConnection
from coordinator.checks.preflight.own_transaction import OwnTransaction
from coordinator.checks.preflight.several_heads import SeveralHeads
from coordinator.checks.preflight.unknown_requires import UnknownRequires
from coordinator.checks.preflight.waiver_expired import WaiverExpired
from coordinator.checks.preflight.waiver_unknown import WaiverUnknown
from coordinator.checks.preflight.waivers import apply_waivers, unused_waivers
from coordinator.checks.preflight.withheld_environment import WithheldEnvironment
from coordinator.checks.waivable import waivable

if TYPE_CHECKING:
    from coordinator.checks.preflight.facts import PreflightFacts
    from coordinator.checks.preflight.interface import PreflightCheck
    from coordinator.model.finding import Finding

_OF_REVISIONS: Final[tuple[PreflightCheck, ...]] = (
    SeveralHeads(),
    AmbiguousVersionRow(),
    MissingRevisionFile(),
    BelowAppliedHead(),
    EditedRevision(),
    ForeignDependsOn(),
    UnknownRequires(),
    NotLoadable(),
    OwnTransaction(),
    OutsideTransaction(),
    OwnConnection(),
    WithheldEnvironment(),
    EmptyDowngrade(),
    IdentifierTooLong(),
    WaiverExpired(),
)
_NAMES: Final = frozenset({*(check.name for check in _OF_REVISIONS), WaiverUnknown.name, "waiver-unused"})
PREFLIGHT_CHECKS: Final[tuple[PreflightCheck, ...]] = (*_OF_REVISIONS, WaiverUnknown(waivable(_NAMES)))


def run_preflight(facts: PreflightFacts) -> tuple[Finding, ...]:
    """What all the checks say, waivers applied; the command's answer is no when one of them is an error."""
    findings = tuple(finding for check in PREFLIGHT_CHECKS for finding in check.run(facts))
    told = apply_waivers(findings, facts.trees, facts.today, changed=facts.changed)
    if not facts.captures:
        return told  # what looks at captures has not looked
    return (*told, *unused_waivers(findings, facts.all_pending, _NAMES, facts.today))
