"""A gate's report as JUnit XML: one test suite a stage, one test case a check, a command and a rehearsed step."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from coordinator.reports.gate.reading import ended, revision_of
from coordinator.reports.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.reports.gate.json_ import Document

# What XML 1.0 cannot hold, not even as a character reference.
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_CLASS = "migrate.gate"


def gate_junit(document: Document) -> str:
    """The XML, with its declaration."""
    root = Element("testsuites", name=f"migrate gate: {document['verdict']}")
    for stage in document["stages"]:
        suite = SubElement(root, "testsuite", name=stage["name"])
        if stage["name"] == "approval":
            _verdict(suite, document)
        for check in stage["checks"]:
            _check(suite, stage["name"], check)
            for rehearsal in _rehearsals(document, check["name"]):
                _steps(suite, stage["name"], check, rehearsal)
        _count(suite, stage["seconds"])
        suite.set("timestamp", document["started"].partition("+")[0])
    _count(root, document["seconds"])
    del root.attrib["skipped"]
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _verdict(suite: Element, document: Document) -> None:
    properties = SubElement(suite, "properties")
    for name, value in (
        ("verdict", document["verdict"]),
        ("summary", document["summary"]),
        *(("reason", f"{each['stage']}, {each['check']}: {each['why']}") for each in document["reasons"]),
    ):
        SubElement(properties, "property", name=name, value=_clean(value))


def _rehearsals(document: Document, check: str) -> Iterator[Document]:
    start = {"rehearsal": "baseline", "from-empty": "empty"}.get(check)
    return (each for each in document["rehearsals"] if each["start"] == start)


def _check(suite: Element, stage: str, check: Document) -> None:
    command = check["command"]
    name = check["name"] if command is None else f"{check['name']}: {one_line(command['text'])}"
    case = _case(suite, f"{_CLASS}.{stage}", name, check["seconds"])
    lines = [line for each in check["findings"] for line in _finding_lines(each)]
    if command is not None and check["outcome"] in ("passed", "failed"):
        lines.append(ended(command))
    match check["outcome"]:
        case "failed":
            _problem(case, "failure", check["told"], _kind(check), lines)
        case "unavailable":
            _problem(case, "error", check["told"], _kind(check), lines)
        case "not run" | "skipped":
            SubElement(case, "skipped", message=_clean(check["told"]))
        case _:
            if lines:
                SubElement(case, "system-out").text = _clean("\n".join((check["told"], *lines)))
    if command is not None and command["output"]:
        SubElement(case, "system-err").text = _clean(command["output"])


def _steps(suite: Element, stage: str, check: Document, rehearsal: Document) -> None:
    name = check["name"]
    for step in rehearsal["steps"]:
        case = _case(suite, f"{_CLASS}.{stage}.{name}", revision_of(step), step["seconds"])
        if step["outcome"] == "failed" and check["outcome"] == "skipped":
            SubElement(case, "skipped", message=_clean(f"{check['told']}: {step['told']}"))
        elif step["outcome"] == "failed":
            _problem(case, "failure", step["told"], f"{name}-failed", [])
        elif step["outcome"] == "not run":
            SubElement(case, "skipped", message="an earlier step failed")
        elif step["grade"] or step["findings"]:
            lines = [line for each in step["findings"] for line in _finding_lines(each)]
            SubElement(case, "system-out").text = _clean("\n".join((step["grade"] or "applied", *lines)))


def _case(suite: Element, group: str, name: str, seconds: float) -> Element:
    return SubElement(suite, "testcase", classname=_clean(group), name=_clean(name), time=f"{seconds:.3f}")


def _problem(case: Element, tag: str, message: str, kind: str, lines: list[str]) -> None:
    SubElement(case, tag, message=_clean(message), type=_clean(kind)).text = _clean("\n".join(lines))


def _kind(check: Document) -> str:
    """The rule of the first error."""
    errors = [each["rule"] for each in check["findings"] if each["severity"] == "error"]
    return str(errors[0] if errors else check["name"])


def _finding_lines(finding: Document) -> Iterator[str]:
    place = finding["place"]
    where = "" if place is None else f" ({place['file']}:{place['line']})".replace(":None)", ")")
    yield f"{finding['severity']} {finding['rule']}: {finding['message']}{where}"
    if finding["help"]:
        yield f"  -> {finding['help']}"


def _count(element: Element, seconds: float) -> None:
    cases = list(element.iter("testcase"))
    element.set("tests", str(len(cases)))
    for name, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        element.set(name, str(sum(each.find(tag) is not None for each in cases)))
    element.set("time", f"{seconds:.3f}")


def _clean(text: str) -> str:
    return _NOT_IN_XML.sub("\ufffd", text)
