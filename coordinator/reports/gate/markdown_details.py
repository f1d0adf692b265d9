"""The folded parts of a gate's Markdown about what others would notice: impact, locks, another server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coordinator.reports.escaping import markdown_code, markdown_fence, markdown_text
from coordinator.reports.gate.fitting import Part
from coordinator.reports.gate.markdown_words import CLOSED, cell, folded, prose, took
from coordinator.reports.gate.reading import revision_of
from coordinator.reports.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.reports.gate.json_ import Document


def impact_part(impact: Document) -> Part | None:
    """Who suffers from what one module changes, whom to ask, and a way out; None when nothing is changed."""
    if not impact["changes"]:
        return None
    suffering = [
        (change, each)
        for change in impact["changes"]
        for each in change["consumers"]
        if each["verdict"] != "safe"
    ]
    safe = sum(len(change["consumers"]) for change in impact["changes"]) - len(suffering)
    told = f"Impact of {impact['module']}: {impact['verdict']}; {counted(len(impact['changes']), 'change')}, "
    head = folded(f"{told}{counted(len(suffering), 'consumer')} affected, {safe} safe")
    blocks: list[tuple[str, ...]] = []
    if suffering:
        head = (*head, "| verdict | who | where | why |", "|---|---|---|---|")
        blocks.extend((_consumer_row(change, each),) for change, each in suffering)
    blocks.extend(tuple(block) for block in _advice(impact))
    if not blocks:
        blocks.append(("Nobody who is known breaks or degrades.",))
    return Part(rank=4, head=head, blocks=tuple(blocks), tail=CLOSED, noun="consumers")


def _consumer_row(change: Document, each: Document) -> str:
    module = f" ({markdown_text(each['module'])})" if each["module"] else ""
    verdict = f"**{each['verdict']}**" if each["verdict"] == "breaks" else str(each["verdict"])
    why = f"{prose(change['change']['description'], in_cell=True)}: {prose(each['why'], in_cell=True)}"
    return (
        f"| {verdict} | {prose(each['kind'])} {cell(each['name'])}{module} | {cell(each['place'])} | {why} |"
    )


def _advice(impact: Document) -> Iterator[list[str]]:
    if impact["owners"]:
        yield ["", "Ask:", ""]
        for each in impact["owners"]:
            named = [*([each["owner"]] if each["owner"] else []), *each["codeOwners"]]
            who = (
                ", ".join(markdown_code(name) for name in named) or "its owner"
            )  # as code nobody is written to
            yield [f"- {who}, for {markdown_code(each['module'])}"]
    if impact["shipFirst"]:
        yield ["", "Must ship first:", ""]
        yield from (
            [f"- {markdown_code(each['revision'])}: {prose(each['why'])}"] for each in impact["shipFirst"]
        )
    for way in impact["wayOut"]:
        yield ["", f"A way out for: {prose(way['change'])}", ""]
        for number, step in enumerate(way["steps"], start=1):
            yield _way_out_step(number, step)
    if impact["notKnown"]:
        yield ["", "Not known:", ""]
        yield from ([f"- {prose(each)}"] for each in impact["notKnown"])


def _way_out_step(number: int, step: Document) -> list[str]:
    lines = [f"{number}. **{step['stage']}**, in {markdown_code(step['module'])}: {prose(step['what'])}"]
    lines.extend(f"   - {markdown_code(place)}" for place in step["places"])
    if step["code"]:
        lines.append("")
        lines.extend(f"   {line}".rstrip() for line in markdown_fence(step["code"], "python"))
        lines.append("")
    return lines


def forecasts_part(document: Document) -> Part | None:
    """What the rehearsed statements would mean for others, the tables first that no statement names."""
    found = document["forecasts"]
    if not found:
        return None
    waiting = sum(each["blocks"] != "nobody waits" for each in found)
    told = (
        f"Locks and time: {counted(len(found), 'table')} locked or worked on, {waiting} that others wait for"
    )
    head = (
        *folded(told),
        "Measured in the rehearsal, which has no rows; sizes and times are those to expect where it goes.",
        "",
        "| revision | what it would mean | about |",
        "|---|---|---|",
    )
    rows = tuple((_forecast_row(each),) for each in found)
    return Part(rank=5, head=head, blocks=rows, tail=CLOSED, noun="locks")


def _forecast_row(each: Document) -> str:
    unnamed = "" if each["named"] else "**no statement names it:** "
    line = f", line {each['line']}" if each["line"] else ""
    estimate = each["estimate"]
    about = "" if estimate is None else f"{took(estimate['seconds'])} {cell(estimate['basis'])}"
    return f"| {cell(revision_of(each))}{line} | {unnamed}{prose(each['told'], in_cell=True)} | {about} |"


def differences_part(document: Document) -> Part | None:
    """What the staging's server has otherwise; None where no other server is known."""
    compared: list[dict[str, Any]] = document["differences"]
    if not compared:
        return None
    found = [each for each in compared if each["grade"] != "same"]
    grave = sum(each["grade"] == "differs in meaning" for each in found)
    told = f"{len(compared) - len(found)} the same, {len(found) - grave} harmless, {grave} in meaning"
    head = (
        *folded(f"The same server: {told}"),
        "| what | on staging | where it goes | grade |",
        "|---|---|---|---|",
    )
    found.sort(key=lambda each: bool(each["grade"] == "harmless"))
    rows = tuple((_difference_row(each),) for each in found)
    return Part(rank=6, head=head, blocks=rows, tail=CLOSED, noun="differences")


def _difference_row(each: Document) -> str:
    grade = f"**{each['grade']}**" if each["grade"] == "differs in meaning" else str(each["grade"])
    why = f": {prose(each['why'], in_cell=True)}" if each["why"] else ""
    texts = (prose(each[name], in_cell=True) for name in ("what", "here", "there"))
    return f"| {' | '.join(texts)} | {grade}{why} |"
