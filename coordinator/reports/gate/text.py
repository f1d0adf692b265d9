"""A gate's report as people read it in a terminal or a log; the verdict stands last, where the prompt comes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.reports.finding_text import finding_lines
from coordinator.reports.gate.reading import COLOURS, SHOWN, ended, finding_of, revision_of
from coordinator.reports.wording import counted, harmless, one_line, seconds_text, shortened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.reports.gate.json_ import Document
    from coordinator.reports.page import Page

_SHOWN_OUTPUT = 20  # lines of a failed command, from its end
_SHOWN_PENDING = 12
_SHOWN_FORECASTS = 8
_VERDICT_COLOURS = {"approved": "green", "blocked": "red", "unavailable": "yellow"}


def gate_text(document: Document, page: Page) -> str:
    """Where it starts from, each stage with its checks and findings, and the verdict with its reasons."""
    lines = [*_head(document, page)]
    for stage in document["stages"]:
        if stage["checks"]:
            lines.extend(("", *_stage(stage, page)))
    lines.extend((*_forecasts(document, page), *_differences(document, page)))
    lines.extend(("", *_verdict(document, page)))
    return "\n".join(lines) + "\n"


def _head(document: Document, page: Page) -> Iterator[str]:
    baseline, staging = document["baseline"], document["staging"]
    if baseline is not None:
        major = baseline["serverVersion"] // 10000
        yield from page.wrapped(f"baseline  {baseline['shown']}, PostgreSQL {major}", then=" " * 10)
    if staging is not None:
        yield from page.wrapped(f"staging   {staging['shown']}", then=" " * 10)
    pending = document["pending"]
    if not pending and baseline is not None:
        yield "pending   nothing"
    for number, each in enumerate(pending[:_SHOWN_PENDING]):
        title = "pending" if not number else ""
        told = f"{title:<10}{revision_of(each)}  {one_line(each['message'])}"
        yield from page.wrapped(told, then=" " * 12)
    if len(pending) > _SHOWN_PENDING:
        yield f"{'':<10}and {counted(len(pending) - _SHOWN_PENDING, 'more revision')}"


def _stage(stage: Document, page: Page) -> Iterator[str]:
    yield page.paint(stage["name"], "cyan")
    names = max(len(_name(each)) for each in stage["checks"])
    for check in stage["checks"]:
        yield _line(check, min(names, 24), page)
        if check["outcome"] == "not run":  # else its findings say the same
            yield from page.wrapped(one_line(check["told"]), first="      ", then="      ")
        for each in check["findings"]:
            yield from (f"      {line}" for line in finding_lines(finding_of(each), _narrower(page)))
        yield from _output(check)


def _narrower(page: Page) -> Page:
    return replace(page, width=page.width - 6)


def _name(check: Document) -> str:
    return "$" if check["command"] is not None else str(check["name"])


def _line(check: Document, names: int, page: Page) -> str:
    """The check, what it came to, dots, and its outcome at the right."""
    outcome = SHOWN[check["outcome"]]
    time = f" ({seconds_text(check['seconds'])})" if check["outcome"] in ("passed", "failed") else ""
    told = check["title"] if check["outcome"] in ("failed", "unavailable", "not run") else check["told"]
    if check["command"] is not None:
        told = check["title"]
    start = f"  {shortened(_name(check), names):<{names}}  "
    room = page.width - len(start) - len(outcome) - len(time) - 4
    text = shortened(page.short(one_line(told)), max(room, 8))
    dots = "." * max(2, room - len(text) + 2)
    return f"{start}{text} {dots} {page.paint(outcome, COLOURS[check['outcome']])}{time}"


def _output(check: Document) -> Iterator[str]:
    """The end of what a failed command printed."""
    command = check["command"]
    if command is None or check["outcome"] != "failed" or not command["output"]:
        return
    lines = command["output"].splitlines()
    if len(lines) > _SHOWN_OUTPUT:
        yield f"      | … {len(lines) - _SHOWN_OUTPUT} lines before"
    yield from (f"      | {harmless(line)}" for line in lines[-_SHOWN_OUTPUT:])
    yield f"      | ({ended(command)})"


def _forecasts(document: Document, page: Page) -> Iterator[str]:
    """What others would notice, the tables first that no statement names."""
    found = document["forecasts"]
    if not found:
        return
    yield ""
    yield page.paint("locks and time", "cyan")
    for each in found[:_SHOWN_FORECASTS]:
        unnamed = "" if each["named"] else "not named: "
        estimate = each["estimate"]
        about = "" if estimate is None else f", about {seconds_text(estimate['seconds'])} {estimate['basis']}"
        told = f"{revision_of(each)}  {unnamed}{one_line(each['told'])}{about}"
        yield from page.wrapped(told, first="  ", then="    ")
    if len(found) > _SHOWN_FORECASTS:
        yield f"  and {len(found) - _SHOWN_FORECASTS} more, in the JSON report"


def _differences(document: Document, page: Page) -> Iterator[str]:
    """What the staging's server has otherwise."""
    found = [each for each in document["differences"] if each["grade"] != "same"]
    if not found:
        return
    yield ""
    yield page.paint("not as it is there", "cyan")
    for each in sorted(found, key=lambda each: bool(each["grade"] == "harmless")):
        told = f"{each['what']}: {each['here']} here, {each['there']} there ({each['grade']})"
        yield from page.wrapped(one_line(told), first="  ", then="    ")


def _verdict(document: Document, page: Page) -> Iterator[str]:
    verdict = document["verdict"]
    rest = document["summary"].removeprefix(verdict)
    yield from page.wrapped(rest, lead=verdict.upper(), colour=_VERDICT_COLOURS[verdict], then="  ")
    for each in document["reasons"]:
        told = f"- {each['stage']}, {each['check']}: {one_line(each['why'])}"
        yield from page.wrapped(told, first="  ", then="    ")
    if document["certificate"]:
        yield from page.wrapped(f"certificate: {one_line(document['certificate'])}", first="  ", then="    ")
