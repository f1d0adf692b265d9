"""An incident's document as people read it: Markdown that a ticket or a chat shows well."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from coordinator.reports.escaping import markdown_cell, markdown_code, markdown_fence, markdown_text
from coordinator.reports.wording import one_line, seconds_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Document = dict[str, Any]


def incident_markdown(document: Document) -> str:
    """The whole report."""
    parts = (
        _head(document),
        _causes(document),
        _rollback(document),
        _sessions(document),
        _locks(document),
        _pairs("Server", document["server"]),
        _notices(document),
        _kept(document),
        _list("What to do next", document["next_steps"], numbered=True),
        _list("Lessons", document["lessons_learned"]),
        _list("Prevention", document["prevention_actions"]),
        _collection(document),
    )
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _head(document: Document) -> Iterator[str]:
    summary = document["technical_summary"]
    recovery = summary["recovery_time"]
    yield f"# Incident in run {document['run']}: {markdown_text(str(document['severity']))}"
    yield ""
    yield markdown_text(str(summary["root_cause"]))
    yield ""
    rows = (
        ("incident", markdown_code(str(document["incident_id"]))),
        ("run", f"{document['run']} ({markdown_text(str(document['kind']))})"),
        ("environment", markdown_text(str(document["environment"]))),
        ("by", markdown_text(f"migrate {document['program']} on {document['host']}")),
        ("began", markdown_text(str(document["start_time"]))),
        ("ended", markdown_text(str(document["end_time"] or "not yet: `migrate recover`"))),
        ("severity", markdown_text(str(document["severity"]))),
        ("kind of failure", markdown_text(str(document["category"]))),
        ("recovery time", "not known" if recovery is None else seconds_text(float(recovery))),
        ("modules affected", markdown_text(", ".join(summary["affected_modules"]) or "none")),
        ("outcome", markdown_text(str(document["rollback"]["outcome"]))),
    )
    yield from _table(("fact", "value"), rows)


def _causes(document: Document) -> Iterator[str]:
    running = document["running"]
    for number, cause in enumerate(document["causes"]):
        yield "## Root cause" if not number else "## What failed while taking back"
        yield ""
        yield markdown_text(str(cause["message"]))
        yield ""
        rows = [
            ("SQLSTATE", markdown_code(cause["sqlstate"] or "")),
            ("step", markdown_code(cause["step"] or "")),
            ("in", markdown_text(cause["part"] or "")),
            ("place", markdown_code(f"{cause['file']}:{cause['line']}" if cause["file"] else "")),
        ]
        if not number:
            rows.extend(
                (
                    ("running", markdown_text(str(running["phase"]))),
                    ("guarantee", markdown_text(str(running["guarantee"]))),
                    ("rehearsal", markdown_text(str(running["rehearsal"]))),
                    ("not begun", markdown_text(", ".join(running["waiting"]))),
                )
            )
        yield from _table(("fact", "value"), [row for row in rows if row[1]])
        if cause["statement"]:
            yield from markdown_fence(str(cause["statement"]), "sql")
            yield ""
        if cause["frames"]:
            yield from markdown_fence("\n".join(str(each) for each in cause["frames"]), "text")
            yield ""


def _rollback(document: Document) -> Iterator[str]:
    rollback = document["rollback"]
    yield "## Rollback"
    yield ""
    yield markdown_text(str(rollback["outcome"])) + (
        f" ({markdown_text(str(rollback['settled_by']))})" if rollback.get("settled_by") else ""
    )
    yield ""
    yield from _table(
        ("step", "direction", "became", "seconds"),
        [
            (
                _cell_code(each["step"]),
                markdown_text(str(each["direction"])),
                markdown_text(str(each["status"])),
                f"{float(each['seconds']):.3f}",
            )
            for each in rollback["steps"]
        ],
    )


def _sessions(document: Document) -> Iterator[str]:
    sessions = document["sessions"]
    if not sessions and not document["not_seen"]:
        return
    yield "## Sessions at the moment"
    yield ""
    if document["not_seen"]:
        yield markdown_text(str(document["not_seen"]))
        yield ""
    yield from _table(
        ("pid", "who", "application", "state", "waits for", "in a transaction", "query"),
        [
            (
                str(each["pid"]),
                _who(each),
                markdown_text(str(each["application"])),
                markdown_text(str(each["state"])),
                markdown_text(str(each["waits_for"])),
                ""
                if each["transaction_seconds"] is None
                else seconds_text(float(each["transaction_seconds"])),
                _cell_code(each["query"]),
            )
            for each in sessions
        ],
    )


def _who(session: Document) -> str:
    who = str(session["ours"] or session["role"])
    return f"**blocks the run**: {markdown_text(who)}" if session["blocks_the_run"] else markdown_text(who)


def _locks(document: Document) -> Iterator[str]:
    if not document["locks"]:
        return
    yield "## Locks at the moment"
    yield ""
    yield from _table(
        ("pid", "table", "lock", "", "whose"),
        [
            (
                str(each["pid"]),
                _cell_code(each["table"]),
                markdown_text(str(each["mode"])),
                "held" if each["granted"] else "waited for",
                "the run's" if each["ours"] else "another's",
            )
            for each in document["locks"]
        ],
    )


def _notices(document: Document) -> Iterator[str]:
    if not document["notices"]:
        return
    yield "## What the server said"
    yield ""
    yield from _table(
        ("step", "severity", "SQLSTATE", "message"),
        [
            (
                _cell_code(each["step"]),
                markdown_text(str(each["severity"])),
                markdown_text(str(each["sqlstate"])),
                markdown_text(str(each["message"])),
            )
            for each in document["notices"]
        ],
    )


def _kept(document: Document) -> Iterator[str]:
    yield "## Data kept"
    yield ""
    if not document["kept"]:
        yield "nothing of this run is kept"
        yield ""
        return
    yield from _table(
        ("step", "what", "rows", "until", "state"),
        [
            (
                _cell_code(each["step"]),
                markdown_text(str(each["what"])),
                str(each["rows"]),
                markdown_text(str(each["until"])),
                markdown_text(str(each["state"])),
            )
            for each in document["kept"]
        ],
    )


def _pairs(title: str, pairs: Sequence[Document]) -> Iterator[str]:
    if not pairs:
        return
    yield f"## {title}"
    yield ""
    yield from _table(
        ("what", "value"),
        [(markdown_text(str(each["name"])), markdown_text(str(each["value"]))) for each in pairs],
    )


def _list(title: str, entries: Sequence[str], *, numbered: bool = False) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    for number, each in enumerate(entries, start=1):
        yield f"{f'{number}.' if numbered else '-'} {_with_commands(str(each))}"
    yield ""


def _with_commands(sentence: str) -> str:
    """A sentence of ours, whose commands in backticks stay code."""
    return re.sub(
        r"[^`]+|`[^`]*`", lambda part: part[0] if part[0][0] == "`" else _escaped(part[0]), one_line(sentence)
    )


def _escaped(text: str) -> str:
    """Markdown's text with the blanks around it, which separate it from the command beside it."""
    start, end = text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]
    return f"{start}{markdown_text(text)}{end}"


def _collection(document: Document) -> Iterator[str]:
    yield "## What was collected"
    yield ""
    yield from _table(
        ("what", "rule", "limit", "left out", "kept until"),
        [
            (
                markdown_text(str(each["name"])),
                markdown_text(str(each["collectionRule"])),
                markdown_text(str(each["storageLimit"])),
                str(each["leftOut"]),
                "deleted" if each["deleted"] else markdown_text(str(each["until"])[:10]),
            )
            for each in document["data_collection"]["dataCategories"]
        ],
    )


def _cell_code(text: object) -> str:
    return markdown_cell(markdown_code(str(text or "")))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    if not rows:
        return
    yield f"| {' | '.join(heads)} |"
    yield f"|{'---|' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""
