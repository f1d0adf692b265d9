"""A gate's report as SARIF 2.1.0, for code scanning: one result a finding."""

from __future__ import annotations

import datetime
import json
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from coordinator.model.finding import Severity
from coordinator.reports.gate.identity import identified, place_of

if TYPE_CHECKING:
    from coordinator.model.finding import Finding
    from coordinator.reports.gate.json_ import Document
    from coordinator.reports.gate.reading import Reported

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_ROOT: Final = "%SRCROOT%"
_LEVELS: Final = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def gate_sarif(document: Document) -> str:
    """The log, with one run. The verdict and its reasons stand in the run's invocation and properties."""
    results: list[dict[str, Any]] = []
    rules: dict[str, dict[str, Any]] = {}
    for fingerprint, reported in identified(document):
        rule = reported.finding.rule
        rules.setdefault(rule, _rule(reported))
        results.append(_result(document, reported, fingerprint, list(rules).index(rule)))
    run = {
        "tool": {
            "driver": {
                "name": "migrate gate",
                "version": document["program"],
                "rules": list(rules.values()),
            }
        },
        "automationDetails": {"id": "migrate-gate/"},
        "originalUriBaseIds": {_ROOT: {"description": {"text": "The root of the repository."}}},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(document)],
        "results": results,
        "properties": {
            "verdict": document["verdict"],
            "summary": document["summary"],
            "reasons": document["reasons"],
        },
    }
    log = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return json.dumps(log, indent=2, ensure_ascii=False) + "\n"


def _invocation(document: Document) -> dict[str, Any]:
    start = datetime.datetime.fromisoformat(document["started"])
    end = start + datetime.timedelta(seconds=document["seconds"])
    return {
        "executionSuccessful": document["verdict"] != "unavailable",
        "exitCode": document["exitCode"],
        "exitCodeDescription": document["summary"],
        "startTimeUtc": f"{start.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
        "endTimeUtc": f"{end.astimezone(datetime.UTC):%Y-%m-%dT%H:%M:%SZ}",
    }


def _rule(reported: Reported) -> dict[str, Any]:
    """A rule as its first finding shows it."""
    finding = reported.finding
    words = finding.rule.replace("-", " ")
    remedy = finding.help or "See the message."
    return {
        "id": finding.rule,
        "shortDescription": {"text": f"{words[:1].upper()}{words[1:]}."},
        "fullDescription": {
            "text": f"Found by the check {reported.check['name']!r}: {reported.check['title']}."
        },
        "help": {"text": remedy},
        "defaultConfiguration": {"level": _LEVELS[finding.severity]},
        "properties": {"tags": ["migrations", reported.stage]},
    }


def _result(document: Document, reported: Reported, fingerprint: str, index: int) -> dict[str, Any]:
    finding = reported.finding
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": _LEVELS[finding.severity],
        "message": {"text": _message(finding)},
        "locations": [_location(document, reported)],
        "partialFingerprints": {"migrateFinding/v1": fingerprint},
        "properties": {"stage": reported.stage, "check": reported.check["name"]},
    }


def _message(finding: Finding) -> str:
    """The sentence and the remedy; in SARIF brackets make links, so they are escaped."""
    told = finding.message if finding.help is None else f"{finding.message}\n{finding.help}"
    return told.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]")


def _location(document: Document, reported: Reported) -> dict[str, Any]:
    file, line = place_of(document, reported)
    outside = file.startswith("/")
    artifact = {"uri": f"file://{quote(file)}"} if outside else {"uri": quote(file), "uriBaseId": _ROOT}
    physical: dict[str, Any] = {"artifactLocation": artifact}
    if line:
        physical["region"] = {"startLine": line}
    location: dict[str, Any] = {"physicalLocation": physical}
    if reported.finding.revision is not None:
        name = str(reported.finding.revision)
        location["logicalLocations"] = [{"fullyQualifiedName": name, "kind": "module"}]
    return location
