"""What every format takes out of a gate's JSON document: its checks and its findings, in their order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place, RevisionKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.reports.gate.json_ import Document

# How an outcome is written where it must be seen.
SHOWN = {
    "passed": "passed",
    "failed": "FAILED",
    "unavailable": "UNAVAILABLE",
    "not run": "not run",
    "skipped": "skipped",
}
COLOURS = {
    "passed": "green",
    "failed": "red",
    "unavailable": "yellow",
    "not run": "yellow",
    "skipped": "blue",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reported:
    """One finding with the stage and the check that found it; `check` is the check's whole JSON."""

    stage: str
    check: Document
    finding: Finding


def checks(document: Document) -> Iterator[tuple[str, Document]]:
    """Every check with its stage's name."""
    for stage in document["stages"]:
        for check in stage["checks"]:
            yield stage["name"], check


def findings(document: Document) -> Iterator[Reported]:
    """Every finding once, however many checks met it."""
    told: set[Finding] = set()
    for stage, check in checks(document):
        for each in check["findings"]:
            finding = finding_of(each)
            if finding not in told:
                told.add(finding)
                yield Reported(stage=stage, check=check, finding=finding)


def finding_of(value: Document) -> Finding:
    """The finding of `finding_as_json`."""
    place: dict[str, Any] | None = value["place"]
    return Finding(
        rule=value["rule"],
        severity=Severity(value["severity"]),
        message=value["message"],
        module=value["module"],
        revision=None if value["revision"] is None else RevisionKey.parse(value["revision"]),
        place=None if place is None else Place(place["file"], place["line"] or 0),
        help=value["help"],
    )


def revision_of(value: Document) -> str:
    """`crm:9c41` of anything that has a module and a revision."""
    return f"{value['module']}:{value['revision']}"


def ended(command: Document) -> str:
    """How a command ended, in a word or two."""
    code = command["exitCode"]
    return "ended from outside" if code is None else f"exit code {code}"
