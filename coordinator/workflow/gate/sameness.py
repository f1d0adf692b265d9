"""The staging's server compared with the one that the pending revisions are for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import GateStage
from coordinator.model.sameness import Sameness
from coordinator.planning.sameness import telling
from coordinator.reports.wording import counted
from coordinator.workflow.gate.interface import Check, Said, skipped
from coordinator.workflow.rehearse import as_on

if TYPE_CHECKING:
    from coordinator.model.sameness import Difference
    from coordinator.model.server_facts import ServerFacts
    from coordinator.workflow.gate.bench import Bench

# What a rehearsal cannot make up for; all else is told, and weighed by people.
_BLOCKING = ("version", "encoding")


def _compare(bench: Bench) -> Said:
    wanted = bench.floor.facts
    if wanted is None:
        return skipped(f"no server is known behind {bench.baseline.shown}")
    with bench.floor.session(bench.floor.first) as session:
        _, bench.differences = as_on(session, wanted)
    found = telling(bench.differences)
    grave = [each for each in found if each.grade is Sameness.DIFFERS_IN_MEANING]
    same = len(bench.differences) - len(found)
    told = f"{counted(same, 'thing')} the same, {len(found) - len(grave)} harmless, {len(grave)} in meaning"
    return Said(told=told, findings=tuple(_finding(each, wanted) for each in grave))


def _finding(each: Difference, wanted: ServerFacts) -> Finding:
    major = wanted.version // 10000
    blocking = each.what in _BLOCKING
    return Finding(
        rule="another-server",
        severity=Severity.ERROR if blocking else Severity.WARNING,
        message=f"{each.what} is {each.here!r} on staging and {each.there!r} where the revisions go: {each.why}",
        help=f"rehearse on PostgreSQL {major}, as it is there: `staging.image` names an image, --staging a server",
    )


SAMENESS = Check(
    name="sameness",
    stage=GateStage.SETUP,
    title="the staging's server is like the one that the revisions are for",
    run=_compare,
    needs=("staging",),
)
