"""The way back of the whole run, and of each step by itself, as the rehearsal found it."""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.checks.preflight.waivers import apply_waivers
from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import GateStage
from coordinator.model.rehearsal import StepGrade
from coordinator.workflow.gate.interface import Check, Said, skipped

if TYPE_CHECKING:
    from coordinator.model.plan import Step
    from coordinator.model.rehearsal import Rehearsal, RehearsedStep
    from coordinator.workflow.gate.bench import Bench

_WAY_BACK = frozenset({"downgrade-fails", "downgrade-leaves-traces", "upgrade-fails-again"})


def _judge(bench: Bench) -> Said:
    if bench.rehearsed is None:
        return skipped("nothing is pending")
    rehearsal = bench.rehearsed.rehearsal
    steps = {step.key: step for step in bench.rehearsed.plan.steps}
    findings = tuple(
        finding
        for each in rehearsal.steps
        for finding in (
            _irreversible(each, steps[each.key])
            if each.grade is StepGrade.IRREVERSIBLE
            else of_way_back(
                each.findings
            )  # alone it fails, in the chain it passes: the chain is what would run
        )
    )
    today = datetime.datetime.now(datetime.UTC).date()
    findings = apply_waivers(findings, bench.project.trees, today)
    return Said(told=_told(rehearsal), findings=(*findings, *_whole(rehearsal, findings)))


def of_way_back(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """Those that are about how a step was taken back."""
    return tuple(each for each in findings if each.rule in _WAY_BACK)


def _irreversible(found: RehearsedStep, step: Step) -> tuple[Finding, ...]:
    """A way back that the author says is missing is known; one that is missing unsaid is an error."""
    if step.irreversible:
        note = Finding(
            rule="declared-irreversible",
            severity=Severity.NOTE,
            message=f"{step.key} has no way back, and its author says so: {step.irreversible}",
            module=step.key.module,
            revision=step.key,
            place=step.place,
        )
        return (note,)
    return tuple(replace(each, severity=Severity.ERROR) for each in of_way_back(found.findings)) or (
        Finding(
            rule="irreversible-step",
            message=f"{step.key} cannot be taken back, and its author does not say so",
            module=step.key.module,
            revision=step.key,
            place=step.place,
            help='mend its downgrade(), or say `irreversible = "reason"`',
        ),
    )


def _whole(rehearsal: Rehearsal, steps: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """What the whole run's reversal found; no more than a warning where a step by itself explains it."""
    severity = Severity.WARNING if steps else Severity.ERROR
    return tuple(
        replace(each, severity=severity if each.rule == "run-cannot-be-reversed" else each.severity)
        for each in rehearsal.findings
    )


def _told(rehearsal: Rehearsal) -> str:
    grades = Counter(each.grade for each in rehearsal.steps)
    told = ", ".join(f"{grades[grade]} {grade.value}" for grade in StepGrade if grades[grade])
    back = (
        "the whole run was taken back and left no trace"
        if rehearsal.reversed_whole
        else "the whole run could not be taken back"
    )
    return f"{back}; {told}"


REVERSAL = Check(
    name="reversal",
    stage=GateStage.MIGRATE,
    title="every pending step, and the whole run, can be taken back",
    run=_judge,
    needs=("rehearsal",),
)
