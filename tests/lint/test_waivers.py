"""Findings accepted until a day: of every rule, with a reason, and not for ever."""

from __future__ import annotations

import datetime
from dataclasses import replace

import pytest

from coordinator.checks.preflight.facts import PreflightFacts
from coordinator.checks.preflight.registry import run_preflight
from coordinator.checks.preflight.waivers import apply_waivers, unused_waivers
from coordinator.checks.waivable import LINT_RULES
from coordinator.model.finding import Finding, Severity
from coordinator.model.names import RevisionKey
from coordinator.model.revision import ModuleTree, Revision, Waiver
from tests.planning_builders import Rev, tree

TODAY = datetime.date(2026, 11, 25)
KEY = RevisionKey("crm", "c1")


def trees(*waivers: Waiver) -> tuple[ModuleTree, ...]:
    made = tree("crm", (Rev("c1"),))
    return (replace(made, revisions=(replace(made.revisions[0], waivers=waivers),)),)


def waiver(rule: str, until: str = "2026-11-25") -> Waiver:
    return Waiver(rule=rule, reason="the table is empty", until=until)


def finding(rule: str, severity: Severity = Severity.ERROR) -> Finding:
    return Finding(rule=rule, message="It is so.", severity=severity, module="crm", revision=KEY)


def preflight(
    *waivers: Waiver, gate: bool = False, changed: frozenset[str] | None = None
) -> tuple[Finding, ...]:
    return run_preflight(PreflightFacts(trees=trees(*waivers), today=TODAY, gate=gate, changed=changed))


def revisions(*waivers: Waiver) -> tuple[Revision, ...]:
    return trees(*waivers)[0].revisions


@pytest.mark.parametrize("rule", ["ban-drop-column", "star-view", "null-rows", "only-own-schemas"])
def test_through_its_last_day_a_finding_of_any_rule_is_a_note(rule: str) -> None:
    (told,) = apply_waivers((finding(rule),), trees(waiver(rule)), TODAY)
    assert told.severity is Severity.NOTE
    assert told.message == "It is so. Waived until 2026-11-25: the table is empty."


class TestOver:
    over = waiver("star-view", until="2026-11-24")

    def test_what_it_waived_counts_again_where_the_change_touches_the_module(self) -> None:
        for changed in (None, frozenset({"crm", "billing"})):
            (told,) = apply_waivers((finding("star-view"),), trees(self.over), TODAY, changed=changed)
            assert told.severity is Severity.ERROR

    def test_in_a_module_that_the_change_does_not_touch_it_warns(self) -> None:
        changed = frozenset({"billing"})
        (told,) = apply_waivers((finding("star-view"),), trees(self.over), TODAY, changed=changed)
        assert told.severity is Severity.WARNING
        assert "It was waived until 2026-11-24, and this change does not touch module 'crm'." in told.message

    def test_an_error_that_nobody_ever_waived_stays_one(self) -> None:
        changed = frozenset({"billing"})
        (told,) = apply_waivers((finding("star-view"),), trees(), TODAY, changed=changed)
        assert told.severity is Severity.ERROR

    @pytest.mark.parametrize(
        ("gate", "changed", "severity"),
        [
            (True, None, Severity.ERROR),
            (True, frozenset({"crm"}), Severity.ERROR),
            (True, frozenset({"billing"}), Severity.WARNING),
            (False, None, Severity.WARNING),
        ],
    )
    def test_the_day_itself_blocks_a_gate_of_that_module_only(
        self, *, gate: bool, changed: frozenset[str] | None, severity: Severity
    ) -> None:
        (told,) = preflight(self.over, gate=gate, changed=changed)
        assert (told.rule, told.severity) == ("waiver-expired", severity)
        assert "Settle it (the table is empty)" in str(told.help)


class TestUnknown:
    @pytest.mark.parametrize(
        ("rule", "meant"),
        [
            ("star-veiw", "star-view"),
            ("ban-drop-colum", "ban-drop-column"),
            ("prefer-timestamptz", "prefer-timestamp-tz"),
            ("empty_downgrade", "empty-downgrade"),
        ],
    )
    def test_a_rule_that_nobody_has_is_told_with_the_nearest(self, rule: str, meant: str) -> None:
        (told,) = preflight(waiver(rule))
        assert (told.rule, told.severity) == ("waiver-unknown", Severity.WARNING)
        assert told.help == f"Did you mean '{meant}'?"

    def test_one_that_is_like_nothing_is_told_where_they_are_listed(self) -> None:
        (told,) = preflight(waiver("xyzzy"))
        assert "docs/lint.md" in str(told.help)

    @pytest.mark.parametrize(
        "rule",
        ["star-view", "ban-drop-column", "null-rows", "no-rows-lost", "loss-before-commit", "waiver-expired"],
    )
    def test_a_rule_of_any_check_is_known(self, rule: str) -> None:
        assert preflight(waiver(rule)) == ()


class TestUnused:
    def test_one_that_nothing_needs_any_more_is_a_note(self) -> None:
        (told,) = unused_waivers((), revisions(waiver("star-view")), LINT_RULES, TODAY)
        assert (told.rule, told.severity) == ("waiver-unused", Severity.NOTE)
        assert told.help == "Take 'star-view' out of `waive`."

    def test_one_that_is_needed_is_not_told(self) -> None:
        found = (finding("star-view", Severity.WARNING),)
        assert unused_waivers(found, revisions(waiver("star-view")), LINT_RULES, TODAY) == ()

    def test_a_rule_that_was_not_asked_may_still_need_it(self) -> None:
        assert unused_waivers((), revisions(waiver("no-rows-lost")), LINT_RULES, TODAY) == ()

    def test_one_that_is_over_is_told_once_and_not_here(self) -> None:
        over = waiver("star-view", until="2026-11-24")
        assert unused_waivers((), revisions(over), LINT_RULES, TODAY) == ()
