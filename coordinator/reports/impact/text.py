"""An impact report as people read it on a terminal: verdict first, then each change with who uses what it changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.impact import SPEAKS_OF, ConsumerKind, Evidence, Verdict
from coordinator.reports.wording import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.impact import ChangeImpact, Consumer, ImpactReport, OwnerToAsk, WayOut
    from coordinator.reports.page import Page

_COLOURS = {Verdict.BREAKS: "red", Verdict.DEGRADES: "yellow", Verdict.SAFE: "green"}
_SHOWN_SAFE = 3  # of each change; -v and the other forms tell all
_INNER = " " * 4


def impact_text(report: ImpactReport, page: Page, *, verbose: bool = False) -> str:
    """The whole report."""
    lines: list[str] = []
    if not report.revisions:
        lines.extend(page.wrapped(nothing_added(report)))
    else:
        lines.extend(page.wrapped(impact_title(report), then="  "))
        for impact in report.changes:
            lines.extend(["", *_change(impact, page, verbose=verbose)])
        lines.extend(["", *_verdict(report, page)])
        lines.extend(_owners(report.owners, page))
        lines.extend(_ship_first(report, page))
        lines.extend(line for way in report.way_out for line in ["", *_way_out(way, page)])
    lines.extend(_list("not known", report.not_known, page))
    lines.extend(_list("note", report.notes, page))
    return "\n".join(lines) + "\n"


def nothing_added(report: ImpactReport) -> str:
    """The sentence for a branch without a revision of the module."""
    return f"{report.module} adds nothing since {report.since}"


def impact_title(report: ImpactReport) -> str:
    """`impact of crm since main (4ee7437ab): 1 revision, 2 changes; compared with the target`."""
    return (
        f"impact of {report.module} since {report.since}: {counted(len(report.revisions), 'revision')},"
        f" {counted(len(report.changes), 'change')}; compared with {report.baseline}"
    )


def verdict_sentence(report: ImpactReport) -> str:
    """`2 consumers break, 1 degrades, 4 are safe`."""
    told = []
    for verdict, one, several in (
        (Verdict.BREAKS, "consumer breaks", "consumers break"),
        (Verdict.DEGRADES, "degrades", "degrade"),
        (Verdict.SAFE, "is safe", "are safe"),
    ):
        number = report.count(verdict)
        if number:
            told.append(f"{number} {one if number == 1 else several}")
    return ", ".join(told) or "nobody uses what changes"


def consumer_name(consumer: Consumer) -> str:
    """What it is called, with its module behind it."""
    name = one_line(consumer.name)
    if consumer.kind is ConsumerKind.STATEMENT:
        calls = counted(consumer.calls or 0, "call")
        return f"statement of {consumer.role} ({calls}): {name}"
    if consumer.kind is ConsumerKind.MAP:
        return f"the map: {name}"
    return f"{consumer.kind.value} {name}"


def speaks_of_another(consumer: Consumer) -> bool:
    """Whether it is a line of the map about a consumer that is told by itself."""
    return consumer.kind is ConsumerKind.MAP and consumer.why.startswith(SPEAKS_OF)


def consumer_why(consumer: Consumer) -> str:
    """Why, with how sure it is."""
    sure = "" if consumer.evidence is not Evidence.NAME else "by name only: "
    return f"{sure}{one_line(consumer.why)}"


def _change(impact: ChangeImpact, page: Page, *, verbose: bool) -> Iterator[str]:
    yield from page.wrapped(
        f"{impact.revision}  {one_line(impact.change.description)} ({page.short(str(impact.place))})",
        then="  ",
    )
    map_only = [each for each in impact.consumers if speaks_of_another(each)]
    told = [each for each in impact.consumers if each not in map_only]
    shown = [each for each in told if each.verdict is not Verdict.SAFE]
    safe = [each for each in told if each.verdict is Verdict.SAFE]
    for each in [*shown, *(safe if verbose else safe[:_SHOWN_SAFE])]:
        yield from _consumer(each, page)
    left = 0 if verbose else len(safe) - _SHOWN_SAFE
    if left > 0:
        yield page.paint(f"  {Verdict.SAFE.value}", "green") + f"      {left} more (-v shows them)"
    if map_only:
        places = ", ".join(dict.fromkeys(page.short(each.place) for each in map_only))
        yield from page.wrapped(f"the map says so: {places}", first=" " * 12, then=" " * 14)
    if not impact.consumers:
        yield page.paint("  safe", "green") + "      nobody uses it"


def _consumer(consumer: Consumer, page: Page) -> Iterator[str]:
    word = consumer.verdict.value
    first, *rest = page.wrapped(consumer_name(consumer), first=f"  {word:<8}  ", then=" " * 12)
    yield first.replace(word, page.paint(word, _COLOURS[consumer.verdict]), 1)
    yield from rest
    place = page.short(consumer.place)
    if place != consumer.name:
        # A path is not broken: it stands further left where it would run over.
        yield " " * (12 if len(place) + 12 <= page.width else 4) + place
    yield from page.wrapped(consumer_why(consumer), first=" " * 12, then=" " * 12)


def _verdict(report: ImpactReport, page: Page) -> Iterator[str]:
    verdict = report.verdict
    yield from page.wrapped(
        f": {verdict_sentence(report)}", then="  ", lead=verdict.value, colour=_COLOURS[verdict]
    )


def _owners(owners: Sequence[OwnerToAsk], page: Page) -> Iterator[str]:
    for number, each in enumerate(owners):
        yield from page.wrapped(
            owner_sentence(each), first="ask: " if not number else "     ", then="       "
        )


def owner_sentence(owner: OwnerToAsk) -> str:
    """`agendamento (agendamento_owner; @erp/agenda): 1 breaks, 2 degrade`."""
    people = "; ".join(filter(None, (owner.owner or "", " ".join(owner.code_owners))))
    counts = []
    if owner.breaks:
        counts.append(f"{owner.breaks} {'breaks' if owner.breaks == 1 else 'break'}")
    if owner.degrades:
        counts.append(f"{owner.degrades} {'degrades' if owner.degrades == 1 else 'degrade'}")
    told = ", ".join(counts) or "named by the map only"
    return f"{owner.module}{f' ({people})' if people else ''}: {told}"


def _ship_first(report: ImpactReport, page: Page) -> Iterator[str]:
    if not report.ship_first:
        return
    yield "must ship first:"
    for each in report.ship_first:
        why = one_line(each.why) if each.direct else f"needed on the way: {one_line(each.why)}"
        yield from page.wrapped(f"{each.revision}  {why}", first="  ", then=_INNER)


def _way_out(way: WayOut, page: Page) -> Iterator[str]:
    yield from page.wrapped(f"a way out for: {way.change}", then="  ")
    for number, step in enumerate(way.steps, start=1):
        yield from page.wrapped(
            f"{number}. {step.stage.value}, in {step.module}: {step.what}", first="  ", then="     "
        )
        for place in step.places:
            yield from page.wrapped(place, first="     ", then="       ")
        yield from (f"     {line}".rstrip() for line in step.code.splitlines())


def _list(title: str, items: Sequence[str], page: Page) -> Iterator[str]:
    for number, each in enumerate(items):
        if not number:
            yield ""
        yield from page.wrapped(f"{title}: {one_line(each)}", then="  ")
