"""A gate's report for a pull request: the verdict and its reasons first, all else folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coordinator.reports.escaping import markdown_code, markdown_fence, markdown_text
from coordinator.reports.gate.fitting import Part, fitted
from coordinator.reports.gate.markdown_details import differences_part, forecasts_part, impact_part
from coordinator.reports.gate.markdown_words import CLOSED, cell, folded, prose, took
from coordinator.reports.gate.picture import steps_picture
from coordinator.reports.gate.reading import SHOWN, checks, ended, findings, revision_of
from coordinator.reports.wording import counted, one_line, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.reports.gate.json_ import Document
    from coordinator.reports.gate.reading import Reported

_SHOWN_REASONS = 10
_SHOWN_CHANGES = 4
_SHOWN_OUTPUT = 60  # lines of a command, from its end
_HEADLINES: Final = {
    "approved": "Migration gate: approved",
    "blocked": "Migration gate: blocked",
    "unavailable": "Migration gate: no verdict",
}


def gate_markdown(document: Document) -> str:
    """The comment. It is never longer than GitHub takes; what is left out is said, and where it stands."""
    return fitted(
        [
            _verdict(document),
            _stages(document),
            *_maybe(_findings(document)),
            *_maybe(_picture(document)),
            *_maybe(_steps(document)),
            *(part for each in document["impacts"] for part in _maybe(impact_part(each))),
            *_maybe(forecasts_part(document)),
            *_maybe(differences_part(document)),
            *(_command(stage, check) for stage, check in checks(document) if _has_run(check)),
            _checks(document),
        ]
    )


def _maybe(part: Part | None) -> Iterator[Part]:
    if part is not None:
        yield part


def _verdict(document: Document) -> Part:
    summary = document["summary"].removeprefix(f"{document['verdict']}: ")
    head = [f"## {_HEADLINES[document['verdict']]}", "", f"{prose(summary)}."]
    blocks = [
        (f"- **{markdown_text(each['stage'])}**, {markdown_code(each['check'])}: {prose(each['why'])}",)
        for each in document["reasons"][:_SHOWN_REASONS]
    ]
    more = len(document["reasons"]) - _SHOWN_REASONS
    if more > 0:
        blocks.append((f"- and {more} more",))
    if document["certificate"]:
        head.extend(("", f"Certificate: {markdown_code(document['certificate'])}"))
    return Part(rank=1, head=(*head, ""), blocks=tuple(blocks), tail=("",), noun="reasons")


def _stages(document: Document) -> Part:
    rows = [
        f"| {markdown_text(each['name'])} | {_outcome(each)} | {_looked(each)} | {took(each['seconds'])} |"
        for each in document["stages"]
    ]
    baseline, staging = document["baseline"], document["staging"]
    facts = []
    if baseline is not None:
        facts.append(f"from {prose(baseline['shown'])} (PostgreSQL {baseline['serverVersion'] // 10000})")
    if staging is not None:
        facts.append(f"on {prose(staging['shown'])}")
    told = f"Judged {', '.join(facts)}." if facts else "Nothing could be started."
    return Part(
        rank=2,
        head=("| stage | outcome | looked at | time |", "|---|---|---|--:|"),
        blocks=tuple((each,) for each in rows),
        tail=("", told, ""),
        whole=True,
        noun="stages",
    )


def _outcome(value: Document) -> str:
    shown = SHOWN[value["outcome"]]
    return f"**{shown}**" if value["outcome"] in ("failed", "unavailable") else shown


def _looked(stage: Document) -> str:
    ours = [each["name"] for each in stage["checks"] if each["command"] is None]
    commands = sum(each["command"] is not None for each in stage["checks"])
    told = [", ".join(ours)] if ours else []
    if commands:
        told.append(counted(commands, "command"))
    return markdown_text("; ".join(told) or "nothing: no command is named for it")


def _findings(document: Document) -> Part | None:
    found = sorted(findings(document), key=lambda each: _GRAVITY[each.finding.severity.value])
    if not found:
        return None
    counts = {
        name: sum(each.finding.severity.value == name for each in found)
        for name in ("error", "warning", "note")
    }
    told = ", ".join(counted(count, name) for name, count in counts.items() if count)
    return Part(
        rank=3,
        head=folded(f"Findings: {told}", open_=bool(counts["error"])),
        blocks=tuple(tuple(_finding(each)) for each in found),
        tail=CLOSED,
        noun="findings",
    )


_GRAVITY: Final = {"error": 0, "warning": 1, "note": 2}


def _finding(reported: Reported) -> Iterator[str]:
    finding = reported.finding
    place = "" if finding.place is None else f" ({markdown_code(str(finding.place))})"
    message = "<br>".join(prose(line) for line in finding.message.splitlines() if line.strip())
    yield f"- **{finding.severity.value}** {markdown_code(finding.rule)}{place}: {message}"
    if finding.help:
        yield f"  <br>→ {prose(finding.help)}"


def _picture(document: Document) -> Part | None:
    picture = steps_picture(document)
    if not picture:
        return None
    block = tuple(markdown_fence(picture, "mermaid"))
    head = folded("Picture of the steps")
    return Part(rank=6, head=head, blocks=(block,), tail=CLOSED, whole=True, noun="picture")


def _steps(document: Document) -> Part | None:
    plan = document["plan"]
    if plan is None or not plan["steps"]:
        return None
    rehearsed = {
        revision_of(each): each
        for rehearsal in document["rehearsals"]
        if rehearsal["start"] == "baseline"
        for each in rehearsal["steps"]
    }
    steps, transactions = len(plan["steps"]), plan["transactions"]
    head = (
        *folded(f"Steps: {steps} in {counted(transactions, 'transaction')}"),
        f"Guarantee: {markdown_text(plan['guarantee'])}.",
        "",
        "| # | revision | what it does | goes after | rehearsed |",
        "|--:|---|---|---|---|",
    )
    rows = tuple((_row(each, rehearsed.get(revision_of(each))),) for each in plan["steps"])
    return Part(rank=4, head=head, blocks=rows, tail=CLOSED, noun="steps")


def _row(step: Document, rehearsed: Document | None) -> str:
    changes = [each["description"] for each in step["changes"]]
    does = [step["message"], *changes[:_SHOWN_CHANGES]]
    if len(changes) > _SHOWN_CHANGES:
        does.append(f"and {len(changes) - _SHOWN_CHANGES} more changes")
    if step["irreversible"]:
        does.append(f"irreversible: {step['irreversible']}")
    after = (f"{cell(revision_of(edge))}: {prose(edge['why'], in_cell=True)}" for edge in step["after"])
    told = "" if rehearsed is None else _rehearsed(rehearsed)
    return (
        f"| {step['position']} | {cell(revision_of(step))} | {'<br>'.join(prose(each, in_cell=True) for each in does)}"
        f" | {'<br>'.join(after)} | {told} |"
    )


def _rehearsed(step: Document) -> str:
    if step["outcome"] != "passed":
        return _outcome(step)
    return f"{markdown_text(step['grade'] or 'applied')}, {took(step['seconds'])}"


def _has_run(check: Document) -> bool:
    return check["command"] is not None and check["outcome"] in ("passed", "failed")


def _command(stage: str, check: Document) -> Part:
    command = check["command"]
    title = (
        f"{stage}: {shortened(one_line(command['text']), 80)} ({SHOWN[check['outcome']]}, {ended(command)})"
    )
    lines = command["output"].splitlines()
    shown = lines[-_SHOWN_OUTPUT:]
    before = [f"… {len(lines) - len(shown)} lines before"] if len(lines) > len(shown) else []
    text = "\n".join(shortened(line, 400) for line in (*before, *shown)) or "(it printed nothing)"
    fails = check["outcome"] == "failed"
    return Part(
        rank=5 if fails else 8,
        head=folded(title, open_=fails),
        blocks=(tuple(markdown_fence(text, "text")),),
        tail=CLOSED,
        whole=True,
        noun="output of a command",
    )


def _check_row(stage: str, check: Document) -> str:
    cells = (
        markdown_text(stage),
        cell(check["name"]),
        _outcome(check),
        prose(check["told"], in_cell=True),
        took(check["seconds"]),
    )
    return f"| {' | '.join(cells)} |"


def _checks(document: Document) -> Part:
    rows = tuple((_check_row(stage, check),) for stage, check in checks(document))
    head = (*folded("All checks"), "| stage | check | outcome | told | time |", "|---|---|---|---|--:|")
    facts = f"`migrate` {markdown_text(document['program'])}, environment {prose(document['environment'])}"
    absent = document["absentModules"]
    if absent:
        names = ", ".join(markdown_code(each) for each in absent)
        facts = f"{facts}; not in this checkout: {names}"
    return Part(rank=7, head=head, blocks=rows, tail=("", f"{facts}.", "", "</details>"), noun="checks")
