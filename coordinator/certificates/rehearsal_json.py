"""A rehearsal as JSON that it can be restored from, so that a run with a certificate knows what the rehearsal knew.

Not in it: the traces of single statements, which only reports of the rehearsal itself need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coordinator.model.capture import Direction
from coordinator.model.catalog import Address
from coordinator.model.finding import Finding, Severity
from coordinator.model.locks import LockMode, SegmentLocks, TableLock
from coordinator.model.names import Place, RevisionKey
from coordinator.model.rehearsal import Rehearsal, RehearsedStep, StepGrade
from coordinator.model.sameness import Difference, Sameness

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.certificate import CertifiedStep


def rehearsal_as_json(rehearsal: Rehearsal) -> dict[str, object]:
    """The rehearsal; what its steps made and read stands with the certified steps."""
    return {
        "where": rehearsal.where,
        "serverVersion": rehearsal.server_version,
        "seconds": rehearsal.seconds,
        "reversedWhole": rehearsal.reversed_whole,
        "steps": [_step_as_json(each) for each in rehearsal.steps],
        "locks": [_locks_as_json(each) for each in rehearsal.locks],
        "findings": [finding_as_json(each) for each in rehearsal.findings],
        "differences": [_difference_as_json(each) for each in rehearsal.differences],
    }


def rehearsal_from_json(value: Mapping[str, Any], certified: Sequence[CertifiedStep]) -> Rehearsal:
    """The rehearsal again. Raises KeyError, TypeError or ValueError for anything that is none."""
    known = {each.key: each for each in certified}
    return Rehearsal(
        where=value["where"],
        server_version=value["serverVersion"],
        steps=tuple(_step(each, known) for each in value["steps"]),
        seconds=float(value["seconds"]),
        reversed_whole=value["reversedWhole"],
        findings=tuple(finding_from_json(each) for each in value["findings"]),
        locks=tuple(_locks(each) for each in value["locks"]),
        differences=tuple(_difference(each) for each in value["differences"]),
    )


def finding_as_json(finding: Finding) -> dict[str, object]:
    """One finding, whole."""
    place = finding.place
    return {
        "rule": finding.rule,
        "severity": finding.severity.value,
        "message": finding.message,
        "module": finding.module,
        "revision": None if finding.revision is None else str(finding.revision),
        "place": None if place is None else [place.file, place.line, place.column],
        "help": finding.help,
    }


def finding_from_json(value: Mapping[str, Any]) -> Finding:
    """The finding again."""
    return Finding(
        rule=value["rule"],
        severity=Severity(value["severity"]),
        message=value["message"],
        module=value["module"],
        revision=None if value["revision"] is None else RevisionKey.parse(value["revision"]),
        place=None if value["place"] is None else Place(*value["place"]),
        help=value["help"],
    )


def _step_as_json(step: RehearsedStep) -> dict[str, object]:
    return {
        "revision": str(step.key),
        "grade": step.grade.value,
        "seconds": step.seconds,
        "lost": list(step.lost),
        "atStake": list(step.at_stake),
        "gone": [list(each) for each in step.gone],
        "findings": [finding_as_json(each) for each in step.findings],
    }


def _step(value: Mapping[str, Any], certified: Mapping[RevisionKey, CertifiedStep]) -> RehearsedStep:
    key = RevisionKey.parse(value["revision"])
    return RehearsedStep(
        key=key,
        grade=StepGrade(value["grade"]),
        seconds=float(value["seconds"]),
        lost=tuple(value["lost"]),
        at_stake=tuple(value["atStake"]),
        findings=tuple(finding_from_json(each) for each in value["findings"]),
        gone=tuple(Address(*each) for each in value["gone"]),
        made=certified[key].made,
        inputs=certified[key].inputs,
    )


def _locks_as_json(locks: SegmentLocks) -> dict[str, object]:
    return {
        "direction": locks.direction.value,
        "steps": [str(each) for each in locks.steps],
        "tables": [[each.schema, each.table, each.mode.value] for each in locks.tables],
        "entries": locks.entries,
    }


def _locks(value: Mapping[str, Any]) -> SegmentLocks:
    return SegmentLocks(
        direction=Direction(value["direction"]),
        steps=tuple(RevisionKey.parse(each) for each in value["steps"]),
        tables=tuple(
            TableLock(schema=each[0], table=each[1], mode=LockMode(each[2])) for each in value["tables"]
        ),
        entries=value.get("entries"),
    )


def _difference_as_json(difference: Difference) -> dict[str, object]:
    return {
        "what": difference.what,
        "here": difference.here,
        "there": difference.there,
        "grade": difference.grade.value,
        "why": difference.why,
    }


def _difference(value: Mapping[str, Any]) -> Difference:
    return Difference(
        what=value["what"],
        here=value["here"],
        there=value["there"],
        grade=Sameness(value["grade"]),
        why=value["why"],
    )
