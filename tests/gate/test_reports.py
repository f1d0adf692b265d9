"""Reports of made up gates: every outcome, hostile words, more than fits; each held against its format's schema."""

from __future__ import annotations

import datetime
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import pytest

from coordinator.model.baseline import BaselineKind
from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import (
    GateBaseline,
    GateCheck,
    GateCommand,
    GateOutcome,
    GateRehearsal,
    GateReport,
    GateStage,
    GateStep,
)
from coordinator.model.names import Place, RevisionKey
from coordinator.model.rehearsal import StepGrade
from coordinator.model.sameness import Difference, Sameness
from coordinator.model.status import PendingRevision
from coordinator.reports.gate.formats import FORMATS, rendered
from coordinator.reports.gate.json_ import gate_as_json
from coordinator.reports.page import Page
from tests.gate import formats
from tests.plans import change, edge, plan, step

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = (
    "</details><script>alert(1)</script> | `x` [a](javascript:1) @everyone #1"
    " \x1b[31m\x00\ufffe ]]> --> \"; click s1 'x' & <b>"
)
ROOT = "/somewhere/erp"


def check(name: str = "rehearsal", outcome: GateOutcome = GateOutcome.PASSED, **more: Any) -> GateCheck:
    return GateCheck(
        **{
            "stage": GateStage.MIGRATE,
            "name": name,
            "title": "it runs",
            "outcome": outcome,
            "told": "3 steps",
            "seconds": 1.5,
            **more,
        }
    )


def finding(message: str = "it is wrong", **more: Any) -> Finding:
    return Finding(**{"rule": "some-rule", "message": message, **more})


def report(*checks: GateCheck, **more: Any) -> GateReport:
    return GateReport(
        **{
            "environment": "production",
            "program": "1.2.3",
            "started": datetime.datetime(2026, 11, 25, 22, 0, tzinfo=datetime.UTC),
            "seconds": 12.3456,
            "settings": "pyproject.toml",
            "baseline": GateBaseline(kind=BaselineKind.SNAPSHOT, shown="a snapshot", server_version=150018),
            "pending": (
                PendingRevision(
                    key=RevisionKey("crm", "c2"), message="add", place=Place(f"{ROOT}/modules/crm/c2.py", 9)
                ),
            ),
            "checks": checks,
            **more,
        }
    )


def document_of(made: GateReport) -> dict[str, Any]:
    return gate_as_json(made, root=ROOT, hide=str)


CHECKS: dict[str, Callable[[str], Any]] = {
    "json": formats.check_json,
    "text": formats.check_text,
    "markdown": formats.check_markdown,
    "junit": formats.check_junit,
    "sarif": formats.check_sarif,
    "code-quality": formats.check_code_quality,
}


def all_formats(made: GateReport) -> dict[str, Any]:
    document = document_of(made)
    return {form: CHECKS[form](rendered(document, form, Page())) for form in FORMATS}


def failing(**more: Any) -> GateCheck:
    return check(outcome=GateOutcome.FAILED, told="it is wrong", findings=(finding(**more),))


@pytest.mark.parametrize(
    ("outcomes", "verdict"),
    [
        ((GateOutcome.PASSED, GateOutcome.SKIPPED), "approved"),
        ((GateOutcome.FAILED, GateOutcome.NOT_RUN), "blocked"),
        ((GateOutcome.UNAVAILABLE, GateOutcome.NOT_RUN), "unavailable"),
        ((GateOutcome.UNAVAILABLE, GateOutcome.FAILED), "blocked"),
        ((), "approved"),
    ],
)
def test_the_verdict_follows_from_the_outcomes_and_every_format_takes_it(
    outcomes: tuple[GateOutcome, ...], verdict: str
) -> None:
    made = report(
        *(
            check(
                name=f"check-{number}",
                outcome=each,
                findings=(finding(),) if each in (GateOutcome.FAILED, GateOutcome.UNAVAILABLE) else (),
            )
            for number, each in enumerate(outcomes)
        )
    )
    shown = all_formats(made)
    assert shown["json"]["verdict"] == verdict
    assert shown["sarif"]["invocations"][0]["executionSuccessful"] is (verdict != "unavailable")
    tags = {each.tag for each in shown["junit"].iter()}
    assert ("failure" in tags) is (GateOutcome.FAILED in outcomes)
    assert ("error" in tags) is (GateOutcome.UNAVAILABLE in outcomes)


def hostile_report() -> GateReport:
    key = RevisionKey("c|m`<b>", "r]]>|1")
    steps = [
        replace(
            step(1, "crm:a1", message=HOSTILE, changes=(change(HOSTILE),), irreversible=HOSTILE), key=key
        ),
        step(2, "billing:b1", edge("crm:a1", "billing:b1", why=HOSTILE)),
    ]
    made = replace(plan(steps), findings=())
    said = finding(
        f"{HOSTILE}\nmore {HOSTILE}",
        module="c|m`<b>",
        revision=key,
        place=Place(f"{ROOT}/modules/c|m [x](y)/a b\u00e9.py", 3),
        help=HOSTILE,
    )
    command = GateCommand(text=HOSTILE, exit_code=3, limit=60.0, output=f"``` {HOSTILE}\n</details>\n~~~")
    return report(
        check(outcome=GateOutcome.FAILED, told=HOSTILE, title=HOSTILE, findings=(said, finding(HOSTILE))),
        check(
            name="integration command 1",
            stage=GateStage.INTEGRATION,
            outcome=GateOutcome.FAILED,
            told=HOSTILE,
            title=HOSTILE,
            findings=(finding(HOSTILE, rule="command-failed"),),
            command=command,
        ),
        environment=HOSTILE,
        absent=(HOSTILE,),
        plan=made,
        pending=(PendingRevision(key=key, message=HOSTILE, place=Place(HOSTILE, 1)),),
        rehearsals=(
            GateRehearsal(
                start="baseline",
                where=HOSTILE,
                steps=(
                    GateStep(key=key, outcome=GateOutcome.FAILED, told=HOSTILE),
                    GateStep(key=RevisionKey("billing", "b1"), outcome=GateOutcome.NOT_RUN),
                ),
            ),
        ),
        differences=(
            Difference(what=HOSTILE, here=HOSTILE, there="x", grade=Sameness.DIFFERS_IN_MEANING, why=HOSTILE),
        ),
        certificate=HOSTILE,
    )


def test_hostile_names_and_messages_stay_words_in_every_format() -> None:
    made = hostile_report()
    document = document_of(made)
    all_formats(made)
    html = formats.as_html(rendered(document, "markdown", Page()))
    assert "<script" not in html
    assert 'href="javascript' not in html
    assert "<b>" not in html
    assert "@everyone" not in re.sub(r"<(code|pre)[^>]*>.*?</\1>", "", html, flags=re.DOTALL)
    assert html.count("<details") == html.count("</details>")
    assert "\x1b" not in rendered(document, "text", Page())
    picture = rendered(document, "markdown", Page()).partition("```mermaid")[2].partition("```")[0]
    assert "click" not in [line.strip().split(" ")[0] for line in picture.splitlines()]
    labels = [line.partition('["')[2] for line in picture.splitlines() if '["' in line]
    assert all(label.count('"') == 1 for label in labels)


def test_files_are_named_from_the_project_and_for_machines_from_the_repository() -> None:
    place = Place(f"{ROOT}/modules/crm/versions/a b.py", 7)
    shown = all_formats(report(failing(place=place), folder="services/erp"))
    assert shown["json"]["stages"][1]["checks"][0]["findings"][0]["place"] == {
        "file": "modules/crm/versions/a b.py",
        "line": 7,
    }
    (result,) = shown["sarif"]["results"]
    physical = result["locations"][0]["physicalLocation"]
    assert physical["artifactLocation"]["uri"] == "services/erp/modules/crm/versions/a%20b.py"
    assert physical["region"] == {"startLine": 7}
    assert shown["code-quality"][0]["location"] == {
        "path": "services/erp/modules/crm/versions/a b.py",
        "lines": {"begin": 7},
    }
    elsewhere = all_formats(report(failing(place=Place("/elsewhere/crm/a.py", 7))))
    (result,) = elsewhere["sarif"]["results"]
    assert (
        result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "file:///elsewhere/crm/a.py"
    )


def prints(made: GateReport) -> list[str]:
    return [each["fingerprint"] for each in all_formats(made)["code-quality"]]


def test_a_fingerprint_stays_when_lines_and_times_move_and_tells_findings_apart() -> None:
    def at(line: int, message: str = "took 3.2 s at a.py:{}", file: str = "a.py") -> GateCheck:
        return failing(message=message.format(line), place=Place(file, line))

    assert prints(report(at(3))) == prints(report(at(300)))
    assert prints(report(at(3))) != prints(report(at(3, file="b.py")))
    assert prints(report(at(3))) != prints(report(at(3, message="another thing")))
    twice = report(check(outcome=GateOutcome.FAILED, findings=(finding("line 1"), finding("line 2"))))
    assert len(set(prints(twice))) == 2
    assert (
        all_formats(twice)["sarif"]["results"][0]["partialFingerprints"]["migrateFinding/v1"]
        == prints(twice)[0]
    )


def test_severities_are_those_of_each_format() -> None:
    made = report(
        check(
            outcome=GateOutcome.FAILED,
            findings=tuple(
                finding(each.value, severity=each, rule=f"rule-{each.value}") for each in Severity
            ),
        )
    )
    shown = all_formats(made)
    assert [each["level"] for each in shown["sarif"]["results"]] == ["error", "warning", "note"]
    assert [each["severity"] for each in shown["code-quality"]] == ["blocker", "minor", "info"]
    for rule in shown["sarif"]["tool"]["driver"]["rules"]:
        assert rule["help"]["text"]


def test_a_report_that_is_too_long_for_a_comment_says_what_it_left_out() -> None:
    many = tuple(finding(f"{number} {'é' * 300}", help="x" * 200) for number in range(900))
    steps = [step(number, f"crm:r{number}", message="m" * 100) for number in range(1, 400)]
    command = GateCommand(text="x", exit_code=1, limit=1.0, output="\n".join("z" * 390 for _ in range(100)))
    made = report(
        check(outcome=GateOutcome.FAILED, told="900 errors", findings=many),
        *(
            check(
                name=f"c{number}",
                stage=GateStage.BUSINESS,
                command=command,
                outcome=GateOutcome.FAILED,
                findings=many[:1],
            )
            for number in range(12)
        ),
        plan=plan(steps),
    )
    text = all_formats(made)["markdown"]
    assert len(text.encode()) <= 65_536
    assert "more findings are left out here; the JSON report has them" in text
    assert "Migration gate: blocked" in text
    assert "900 errors" in text
    assert "| migrate | **FAILED**" in text


def test_no_two_steps_of_a_picture_are_one_and_many_steps_are_drawn_as_modules() -> None:
    few = report(check(), plan=plan([step(1, "crm:a"), step(2, "billing:b", edge("crm:a", "billing:b"))]))
    picture = all_formats(few)["markdown"]
    assert 's1["1. crm:a' in picture
    assert "s1 -. " in picture
    many = report(check(), plan=plan([step(number, f"crm:r{number}") for number in range(1, 60)]))
    assert 'm1["crm<br/>59 steps"]' in all_formats(many)["markdown"]


def test_junit_counts_what_it_holds() -> None:
    made = report(
        check("order"),
        failing(),
        check("reversal", GateOutcome.NOT_RUN, told="it needs 'rehearsal', which failed"),
        rehearsals=(
            GateRehearsal(
                start="baseline",
                where="here",
                steps=(
                    GateStep(
                        key=RevisionKey("crm", "a"), outcome=GateOutcome.PASSED, grade=StepGrade.REVERSIBLE
                    ),
                    GateStep(key=RevisionKey("crm", "b"), outcome=GateOutcome.FAILED, told="no"),
                    GateStep(key=RevisionKey("crm", "c"), outcome=GateOutcome.NOT_RUN),
                ),
            ),
        ),
    )
    root = all_formats(made)["junit"]
    (suite,) = [each for each in root if each.get("name") == "migrate"]
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "6", "failures": "2", "errors": "0", "skipped": "2"}
    assert [each.get("name") for each in root] == [stage.value for stage in GateStage]
    names = [each.get("name") for each in suite.iter("testcase")]
    assert names == ["order", "rehearsal", "crm:a", "crm:b", "crm:c", "reversal"]
    assert ElementTree.tostring(root)


def test_the_text_is_as_wide_as_a_terminal_and_ends_with_the_verdict() -> None:
    shown = rendered(document_of(hostile_report()), "text", Page())
    last = shown.splitlines()
    assert any(line.startswith("BLOCKED: 2 checks failed") for line in last[-12:])
    assert json.loads(rendered(document_of(hostile_report()), "json", Page()))
