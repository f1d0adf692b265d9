"""The lint rules, in the order in which they speak; the only list of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from coordinator.checks.lint.another_schema import AnotherSchema
from coordinator.checks.lint.cascade_across_border import CascadeAcrossBorder
from coordinator.checks.lint.contract_with_expand import ContractWithExpand
from coordinator.checks.lint.grant_to_public import GrantToPublic
from coordinator.checks.lint.key_without_index import KeyWithoutIndex
from coordinator.checks.lint.mixed_data_change import MixedDataChange
from coordinator.checks.lint.name_elsewhere import NameElsewhere
from coordinator.checks.lint.required_column import RequiredColumn
from coordinator.checks.lint.requires_against_map import RequiresAgainstMap
from coordinator.checks.lint.squawk_findings import SquawkFindings, weighed
from coordinator.checks.lint.star_view import StarView
from coordinator.checks.lint.undeclared_dependency import UndeclaredDependency
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.checks.lint.facts import LintFacts
    from coordinator.checks.lint.interface import LintCheck
    from coordinator.model.finding import Finding

LINT_CHECKS: Final[tuple[LintCheck, ...]] = (
    AnotherSchema(),
    UndeclaredDependency(),
    RequiresAgainstMap(),
    NameElsewhere(),
    CascadeAcrossBorder(),
    ContractWithExpand(),
    RequiredColumn(),
    KeyWithoutIndex(),
    MixedDataChange(),
    StarView(),
    GrantToPublic(),
    SquawkFindings(),
)


def lint(facts: LintFacts) -> tuple[Finding, ...]:
    """What all the rules say, with the severities that the settings choose; waivers are not applied yet."""
    return tuple(
        chosen
        for check in LINT_CHECKS
        for finding in check.run(facts)
        if (chosen := _as_chosen(finding, facts)) is not None
    )


def _as_chosen(finding: Finding, facts: LintFacts) -> Finding | None:
    """The finding as the settings want it. A note stays one: what is known makes it harmless."""
    severity = weighed(finding.severity, finding.rule, facts)
    if severity is None:
        return None
    return finding if finding.severity is Severity.NOTE else replace(finding, severity=severity)
