"""Runs that are not over, explained to people and to machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.recovery import Recovered
from coordinator.model.status import OpenState
from coordinator.reports.finding_json import findings_as_json
from coordinator.reports.finding_text import finding_lines
from coordinator.reports.history_json import run_as_json
from coordinator.reports.wording import counted, moment, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.names import RevisionKey
    from coordinator.model.recovery import HalfDone, RecoveryReport, UnfinishedRun
    from coordinator.reports.page import Page

_INNER = " " * 13
_FIRST = "  {:<10} "
_KINDS = {"recover": "recovery"}
_ELSEWHERE = (
    "this is another server than the one that it began on, or it was promoted since: what it had told may be"
    " missing here; look before you go on"
)
_UNTOUCHED = (Recovered.NOTHING, Recovered.EXPLAINED)


def recovery_text(report: RecoveryReport, page: Page) -> str:
    """What of each run is in, what is half done, what was done about it, and the command that goes on."""
    lines: list[str] = []
    for run in report.runs:
        lines.extend((*_run(run, page, now=report.outcome in _UNTOUCHED), ""))
    for finding in report.findings:
        lines.extend(finding_lines(finding, page))
    lines.extend(_outcome(report, page))
    return "\n".join(lines) + "\n"


def _run(unfinished: UnfinishedRun, page: Page, *, now: bool) -> Iterator[str]:
    run, state = unfinished.open_run.run, unfinished.open_run.state
    colour = "yellow" if state is OpenState.AT_WORK else "red"
    what = "" if run.kind == "apply" else f" (it is a {_KINDS.get(run.kind, run.kind)})"
    yield page.paint(f"run {run.number} {'is' if now else 'was'} {state.value}{what}", colour)
    facts = [
        ("began", f"{moment(run.started)} on {run.host}, process {run.pid}"),
        ("error", one_line(run.error or "")),
        ("in", _named_keys((*unfinished.still_in, *unfinished.stays)) or "nothing"),
        ("not in", _named_keys(unfinished.not_in) or "nothing that it had begun"),
        *(("half done", _half(half)) for half in unfinished.half_done),
        *(("not back", each.shortfall) for each in unfinished.not_back),
        *(("still", f"{each} works for it, though its client is gone") for each in unfinished.backends),
        ("beware", _ELSEWHERE if unfinished.elsewhere else ""),
    ]
    for name, text in facts:
        if text:
            yield from page.wrapped(text, first=_FIRST.format(name), then=_INNER)


def _named_keys(keys: tuple[RevisionKey, ...]) -> str:
    return ", ".join(str(key) for key in dict.fromkeys(keys))


def _half(half: HalfDone) -> str:
    if not half.made:
        return f"{half.key}; what of it is there cannot be told"
    there = ", ".join(each.shown for each in half.left) or "nothing"
    invalid = ", ".join(each.shown for each in half.invalid)
    left = f"; left invalid: {invalid}" if invalid else ""
    return f"{half.key} in its {half.direction.value}(): {there} of it is there{left}"


def _outcome(report: RecoveryReport, page: Page) -> Iterator[str]:
    match report.outcome:
        case Recovered.NOTHING:
            yield page.paint("nothing is unsettled", "green")
        case Recovered.TAKEN_BACK:
            yield from page.wrapped(
                f": nothing of {_named(report)} is in (run {report.run});"
                f" `migrate history {report.run}` shows it",
                then="  ",
                lead="taken back",
                colour="green",
            )
        case Recovered.SETTLED:
            yield from page.wrapped(
                f": {_named(report)} as it is; `migrate all-modules` goes on from there",
                then="  ",
                lead="settled",
                colour="green",
            )
        case Recovered.EXPLAINED:
            yield from _choices(report, page)


def _named(report: RecoveryReport) -> str:
    return " and ".join(f"run {run.number}" for run in report.runs)


def _choices(report: RecoveryReport, page: Page) -> Iterator[str]:
    """The recommended command, and below it what else may be done."""
    for number, choice in enumerate(_commands(report)):
        yield from page.wrapped(choice, first="next:  " if not number else "   or  ", then="       ")


def _commands(report: RecoveryReport) -> tuple[str, ...]:
    """The recommended command first; before all, a server process that works for nobody must end."""
    if any(run.backends for run in report.runs):
        return (
            "`migrate recover --end-backend` ends what still works for it; by itself it ends a little later",
        )
    back = sum(len(run.still_in) + len(run.taken_out) for run in report.runs)
    half = any(run.half_done for run in report.runs)
    if not back and not half and any(run.not_back for run in report.runs):
        return ("see to what is not back; then `migrate recover --resume` settles it as it is",)
    decided = not half and not any(
        run.open_run.state is OpenState.UNSETTLED
        or run.is_recovery
        or run.elsewhere
        or (run.went_back and (run.still_in or run.taken_out))
        for run in report.runs
    )
    rollback = any(run.open_run.run.kind == "rollback" for run in report.runs)
    command = "migrate rollback" if rollback else "migrate all-modules"
    take_back = (
        f"`migrate recover --abort` takes back what {'it did' if rollback else 'is in'}"
        f" ({counted(back, 'step')}, newest first)"
        if back
        else "`migrate recover --abort` clears away what is left of it"
    )
    if decided:
        go_on = f"`{command}` goes on from there by itself"
        return (go_on, take_back) if back else (go_on,)
    return (take_back, f"`migrate recover --resume` keeps what is in; `{command}` then goes on from there")


def recovery_as_json(report: RecoveryReport) -> dict[str, object]:
    """The same for machines."""
    return {
        "target": report.target,
        "environment": report.environment,
        "outcome": report.outcome.value,
        "run": report.run,
        "runs": [_run_json(each) for each in report.runs],
        "findings": findings_as_json(report.findings),
    }


def _run_json(unfinished: UnfinishedRun) -> dict[str, object]:
    return {
        **run_as_json(unfinished.open_run.run),
        "state": unfinished.open_run.state.value,
        "stillIn": [str(key) for key in unfinished.still_in],
        "notIn": [str(key) for key in unfinished.not_in],
        "halfDone": [
            {
                "revision": str(half.key),
                "direction": half.direction.value,
                "present": [each.shown for each in half.present],
                "invalidIndexes": [str(each) for each in half.invalid],
            }
            for half in unfinished.half_done
        ],
        "notBack": [each.shortfall for each in unfinished.not_back],
        "takenOut": [str(key) for key in unfinished.taken_out],
        "serverProcesses": list(unfinished.backends),
        "elsewhere": unfinished.elsewhere,
    }
