"""Holds every format of a gate's report against its own schema."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import xmlschema
from markdown_it import MarkdownIt

SCHEMAS = Path(__file__).parent / "schemas"
DOCS = Path(__file__).resolve().parents[2] / "docs" / "schemas"
_TAGS = {"h2", "p", "ul", "ol", "li", "strong", "em", "code", "pre", "details", "summary", "br"} | {
    "table",
    "thead",
    "tbody",
    "tr",
    "th",
    "td",
}
GITHUB_LIMIT = 65_536  # characters of a comment


@cache
def _validator(path: Path) -> Any:
    schema = json.loads(path.read_text(encoding="utf-8"))
    kind = jsonschema.validators.validator_for(schema)
    kind.check_schema(schema)
    return kind(schema, format_checker=kind.FORMAT_CHECKER)


def check_json(text: str) -> dict[str, Any]:
    """The report's own published schema; the document."""
    document = json.loads(text)
    _validator(DOCS / "gate-report-1.schema.json").validate(document)
    assert isinstance(document, dict)
    return document


def check_sarif(text: str) -> dict[str, Any]:
    """OASIS' schema, and what code scanning asks for besides; the only run."""
    log = json.loads(text)
    _validator(SCHEMAS / "sarif-schema-2.1.0.json").validate(log)
    (run,) = log["runs"]
    for result in run["results"]:
        assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"]
        (location,) = result["locations"]
        artifact = location["physicalLocation"]["artifactLocation"]
        assert artifact["uri"].startswith("file://") or artifact["uriBaseId"] in run["originalUriBaseIds"]
    prints = [each["partialFingerprints"]["migrateFinding/v1"] for each in run["results"]]
    assert len(set(prints)) == len(prints)
    assert isinstance(run, dict)
    return run


def check_code_quality(text: str) -> list[dict[str, Any]]:
    """GitLab's documented fields; the entries."""
    entries = json.loads(text)
    _validator(SCHEMAS / "code-quality.schema.json").validate(entries)
    prints = [each["fingerprint"] for each in entries]
    assert len(set(prints)) == len(prints)
    assert isinstance(entries, list)
    return entries


@cache
def _junit() -> Any:
    return xmlschema.XMLSchema(SCHEMAS / "junit-10.xsd")


def check_junit(text: str) -> Any:
    """Jenkins' schema; the root element."""
    from xml.etree import ElementTree

    root = ElementTree.fromstring(text)
    _junit().validate(root)
    return root


def check_markdown(text: str) -> str:
    """What GitHub takes, and as a page every fold is closed and no tag is anybody else's; the text."""
    assert len(text) <= GITHUB_LIMIT
    html = as_html(text)
    assert html.count("<details") == html.count("</details>")
    assert set(re.findall(r"<([a-z0-9]+)", html)) <= _TAGS
    return text


def as_html(text: str) -> str:
    """The Markdown as a page, with HTML allowed as GitHub allows it."""
    return str(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))


def check_text(text: str) -> str:
    """80 columns, but for what cannot be broken or stands as it is: a command's output, a difference; the text."""
    for line in text.splitlines():
        as_it_is = line.lstrip().startswith(("| ", "+", "-", "@@"))
        assert len(line) <= 80 or as_it_is or " " not in line.strip(), line
    return text
