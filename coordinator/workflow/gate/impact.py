"""The impact of every module with something pending: who uses what, and what becomes of them."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.checks.preflight.waivers import apply_waivers
from coordinator.execution.events import Working
from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import GateStage
from coordinator.model.impact import SPEAKS_OF, ConsumerKind, Verdict
from coordinator.postgres.live_statements import read_live_statements
from coordinator.reports.wording import counted
from coordinator.workflow.baseline.target import TargetBaseline
from coordinator.workflow.gate.branch import changed_modules
from coordinator.workflow.gate.interface import Check, Said, skipped
from coordinator.workflow.impact.view import Read, view_impact

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.impact import ChangeImpact, Consumer, ImpactReport
    from coordinator.postgres.live_statements import LiveStatements
    from coordinator.workflow.gate.bench import Bench

BREAKS, DEGRADES, NOT_KNOWN = "impact-breaks", "impact-degrades", "impact-not-known"
_SEVERITIES = {Verdict.BREAKS: (BREAKS, Severity.ERROR), Verdict.DEGRADES: (DEGRADES, Severity.WARNING)}


def _look(bench: Bench) -> Said:
    if not bench.pending:
        return skipped("nothing is pending")
    live = _live(bench)
    for module in dict.fromkeys(key.module for key in bench.pending):
        bench.tell(Working(what=f"looking for who uses what {module} changes"))
        report = view_impact(
            bench.settings,
            module,
            since=bench.request.since,
            baseline=bench.baseline,
            tell=bench.tell,
            live=live,
            variables=bench.request.environment,
            read=Read(project=bench.project, captured=bench.captured),
        )
        bench.impacts = (*bench.impacts, report)
    changed = changed_modules(bench)
    findings = [each for report in bench.impacts for each in _findings(report, changed)]
    findings.extend(_not_known(bench.impacts))
    today = datetime.datetime.now(datetime.UTC).date()
    return Said(told=_told(bench), findings=apply_waivers(findings, bench.project.trees, today))


def _live(bench: Bench) -> LiveStatements | None:
    if not bench.request.live:
        return None
    assert isinstance(bench.baseline, TargetBaseline), "the command refuses another starting point"
    return read_live_statements(bench.baseline.session)


def _told(bench: Bench) -> str:
    changes = sum(len(each.changes) for each in bench.impacts)
    told = [f"{counted(changes, 'change')} of {counted(len(bench.impacts), 'module')}"]
    for verdict, words in ((Verdict.BREAKS, "breaks"), (Verdict.DEGRADES, "degrades")):
        count = sum(each.count(verdict) for each in bench.impacts)
        if count:
            told.append(f"{count} {words}")
    return ", ".join(told) if len(told) > 1 else f"{told[0]}, nobody breaks"


def _findings(report: ImpactReport, changed: frozenset[str] | None) -> Iterator[Finding]:
    ways = {way.change: way for way in report.way_out}
    for impact in report.changes:
        way = ways.get(impact.change.description)
        remedy = None if way is None else "; ".join(f"{each.module}: {each.what}" for each in way.steps)
        for consumer in impact.consumers:
            if consumer.verdict in _SEVERITIES and not _only_speaks(consumer):
                found = _finding(impact, consumer, remedy)
                theirs = changed is not None and changed.isdisjoint((report.module, consumer.module))
                yield _of_others(found) if theirs else found
    # What is only needed on the way is pending here too, and each of these tells its own needs.
    for first in (each for each in report.ship_first if each.direct):
        yield Finding(
            rule="ship-first",
            severity=Severity.NOTE,
            message=f"{first.revision} must be in before what {report.module} adds: {first.why}",
            module=report.module,
            place=first.place,
        )


def _not_known(reports: Sequence[ImpactReport]) -> Iterator[Finding]:
    """What could not be seen, each once: most of it concerns every module."""
    modules: dict[str, list[str]] = {}
    for report in reports:
        for sentence in report.not_known:
            modules.setdefault(sentence, []).append(report.module)
    for sentence, concerned in modules.items():
        yield Finding(
            rule=NOT_KNOWN,
            severity=Severity.NOTE,
            message=f"not known: {sentence}",
            module=concerned[0] if len(concerned) == 1 else None,
        )


def _only_speaks(consumer: Consumer) -> bool:
    """A line of the map about a consumer that is told by itself."""
    return consumer.kind is ConsumerKind.MAP and consumer.why.startswith(SPEAKS_OF)


def _finding(impact: ChangeImpact, consumer: Consumer, remedy: str | None) -> Finding:
    rule, severity = _SEVERITIES[consumer.verdict]
    whose = f" of module {consumer.module!r}" if consumer.module else ""
    return Finding(
        rule=rule,
        severity=severity,
        message=f"{impact.revision} {impact.change.description}: {consumer.kind.value} {consumer.name!r}{whose}"
        f" ({consumer.place}) {consumer.verdict.value}: {consumer.why}",
        module=impact.revision.module,
        revision=impact.revision,
        place=impact.place,
        help=remedy
        or f"`migrate impact {impact.revision.module}` shows all of it, whom to ask, and a way out",
    )


def _of_others(finding: Finding) -> Finding:
    """A finding about what was merged before, on both sides: no error of this branch."""
    if finding.severity is not Severity.ERROR:
        return finding
    message = f"{finding.message.rstrip('.')}. This change touches neither of the two modules"
    return replace(finding, severity=Severity.WARNING, message=message)


IMPACT = Check(
    name="impact",
    stage=GateStage.CROSS_MODULE,
    title="who uses what is to change, and what becomes of them",
    run=_look,
    needs=("capture",),
)
