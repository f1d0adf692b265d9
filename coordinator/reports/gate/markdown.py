"""A gate's report for a pull request: the verdict and its reasons first, all else folded away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coordinator.reports.escaping import markdown_cell, markdown_code, markdown_fence, markdown_text
from coordinator.reports.gate.fitting import Part, fitted
from coordinator.reports.gate.picture import steps_picture
from coordinator.reports.gate.reading import SHOWN, checks, ended, findings, revision_of
from coordinator.reports.wording import counted, one_line, seconds_text, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.reports.gate.json_ import Document
    from coordinator.reports.gate.reading import Reported

_LONGEST_SENTENCE = 600
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
            *_maybe(_forecasts(document)),
            *_maybe(_differences(document)),
            *(_command(stage, check) for stage, check in checks(document) if check["command"] is not None),
            _checks(document),
        ]
    )


def _maybe(part: Part | None) -> Iterator[Part]:
    if part is not None:
        yield part


def _verdict(document: Document) -> Part:
    summary = document["summary"].removeprefix(f"{document['verdict']}: ")
    head = [f"## {_HEADLINES[document['verdict']]}", "", f"{_sentence(summary)}."]
    blocks = [
        (f"- **{markdown_text(each['stage'])}**, {markdown_code(each['check'])}: {_sentence(each['why'])}",)
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
        f"| {markdown_text(each['name'])} | {_outcome(each)} | {_looked(each)} | {seconds_text(each['seconds'])} |"
        for each in document["stages"]
    ]
    baseline, staging = document["baseline"], document["staging"]
    facts = []
    if baseline is not None:
        facts.append(
            f"from {markdown_text(baseline['shown'])} (PostgreSQL {baseline['serverVersion'] // 10000})"
        )
    if staging is not None:
        facts.append(f"on {markdown_text(staging['shown'])}")
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
        head=_unfolded(f"Findings: {told}") if counts["error"] else _folded(f"Findings: {told}"),
        blocks=tuple(tuple(_finding(each)) for each in found),
        tail=("", "</details>", ""),
        noun="findings",
    )


_GRAVITY: Final = {"error": 0, "warning": 1, "note": 2}


def _finding(reported: Reported) -> Iterator[str]:
    finding = reported.finding
    place = "" if finding.place is None else f" ({markdown_code(str(finding.place))})"
    message = "<br>".join(_sentence(line) for line in finding.message.splitlines() if line.strip())
    yield f"- **{finding.severity.value}** {markdown_code(finding.rule)}{place}: {message}"
    if finding.help:
        yield f"  <br>→ {_sentence(finding.help)}"


def _picture(document: Document) -> Part | None:
    picture = steps_picture(document)
    if not picture:
        return None
    block = tuple(markdown_fence(picture, "mermaid"))
    head = _folded("Picture of the steps")
    return Part(rank=6, head=head, blocks=(block,), tail=("", "</details>", ""), whole=True, noun="picture")


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
        *_folded(f"Steps: {steps} in {counted(transactions, 'transaction')}"),
        f"Guarantee: {markdown_text(plan['guarantee'])}.",
        "",
        "| # | revision | what it does | goes after | rehearsed |",
        "|--:|---|---|---|---|",
    )
    rows = tuple((_row(each, rehearsed.get(revision_of(each))),) for each in plan["steps"])
    return Part(rank=4, head=head, blocks=rows, tail=("", "</details>", ""), noun="steps")


def _row(step: Document, rehearsed: Document | None) -> str:
    changes = [each["description"] for each in step["changes"]]
    does = [step["message"], *changes[:_SHOWN_CHANGES]]
    if len(changes) > _SHOWN_CHANGES:
        does.append(f"and {len(changes) - _SHOWN_CHANGES} more changes")
    if step["irreversible"]:
        does.append(f"irreversible: {step['irreversible']}")
    after = (f"{_cell(revision_of(edge))}: {_sentence(edge['why'])}" for edge in step["after"])
    told = "" if rehearsed is None else _rehearsed(rehearsed)
    return (
        f"| {step['position']} | {_cell(revision_of(step))} | {'<br>'.join(_sentence(each) for each in does)}"
        f" | {'<br>'.join(after)} | {told} |"
    )


def _rehearsed(step: Document) -> str:
    if step["outcome"] != "passed":
        return _outcome(step)
    return f"{markdown_text(step['grade'] or 'applied')}, {seconds_text(step['seconds'])}"


def _forecasts(document: Document) -> Part | None:
    found = document["forecasts"]
    if not found:
        return None
    waiting = sum(each["blocks"] != "nobody waits" for each in found)
    head = (
        *_folded(
            f"Locks and time: {counted(len(found), 'table')} worked on or locked, {waiting} that others wait for"
        ),
        "Measured in the rehearsal, which has no rows; sizes and times are those to expect where it goes.",
        "",
        "| revision | what it would mean | about |",
        "|---|---|--:|",
    )
    rows = tuple((_forecast_row(each),) for each in found)
    return Part(rank=5, head=head, blocks=rows, tail=("", "</details>", ""), noun="locks")


def _forecast_row(each: Document) -> str:
    unnamed = "" if each["named"] else "**no statement names it:** "
    line = f", line {each['line']}" if each["line"] else ""
    about = "" if each["estimate"] is None else seconds_text(each["estimate"]["seconds"])
    return f"| {_cell(revision_of(each))}{line} | {unnamed}{_sentence(each['told'])} | {about} |"


def _differences(document: Document) -> Part | None:
    found = [each for each in document["differences"] if each["grade"] != "same"]
    if not document["differences"]:
        return None
    grave = sum(each["grade"] == "differs in meaning" for each in found)
    same = len(document["differences"]) - len(found)
    head = (
        *_folded(f"Like production: {same} the same, {len(found) - grave} harmless, {grave} in meaning"),
        "| what | on staging | where it goes | grade |",
        "|---|---|---|---|",
    )
    rows = tuple(
        (_difference_row(each),) for each in sorted(found, key=lambda each: bool(each["grade"] == "harmless"))
    )
    return Part(rank=6, head=head, blocks=rows, tail=("", "</details>", ""), noun="differences")


def _difference_row(each: Document) -> str:
    grade = markdown_text(each["grade"])
    grade = f"**{grade}**" if each["grade"] == "differs in meaning" else grade
    why = f": {_sentence(each['why'])}" if each["why"] else ""
    cells = (_sentence(each["what"]), _sentence(each["here"]), _sentence(each["there"]), f"{grade}{why}")
    return f"| {' | '.join(cells)} |"


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
        head=_unfolded(title) if fails else _folded(title),
        blocks=(tuple(markdown_fence(text, "text")),),
        tail=("", "</details>", ""),
        whole=True,
        noun="output of a command",
    )


def _check_row(stage: str, check: Document) -> str:
    cells = (
        markdown_text(stage),
        _cell(check["name"]),
        _outcome(check),
        _sentence(check["told"]),
        seconds_text(check["seconds"]),
    )
    return f"| {' | '.join(cells)} |"


def _checks(document: Document) -> Part:
    rows = tuple((_check_row(stage, check),) for stage, check in checks(document))
    head = (*_folded("All checks"), "| stage | check | outcome | told | time |", "|---|---|---|---|--:|")
    facts = f"`migrate` {markdown_text(document['program'])}, environment {markdown_text(document['environment'])}"
    absent = document["absentModules"]
    if absent:
        names = ", ".join(markdown_code(each) for each in absent)
        facts = f"{facts}; not in this checkout: {names}"
    return Part(rank=7, head=head, blocks=rows, tail=("", f"{facts}.", "", "</details>"), noun="checks")


def _folded(title: str) -> tuple[str, ...]:
    return (f"<details><summary>{_html(title)}</summary>", "")


def _unfolded(title: str) -> tuple[str, ...]:
    return (f"<details open><summary>{_html(title)}</summary>", "")


def _html(text: str) -> str:
    """Text inside an HTML block, where Markdown does not count."""
    return one_line(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sentence(text: str) -> str:
    return markdown_text(shortened(one_line(text), _LONGEST_SENTENCE))


def _cell(name: str) -> str:
    return markdown_cell(markdown_code(name))
