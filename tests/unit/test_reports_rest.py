"""Reports on checks, rights, leftovers and whole runs."""

from __future__ import annotations

import enum
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place
from coordinator.model.rehearsal import Rehearsal, RehearsedStep, StepGrade
from coordinator.model.rights import Need, NeededRights, Right, RightKind, RightsReport
from coordinator.model.staging import Leftover, LeftoverKind
from coordinator.reports.check_text import check_as_json, check_text
from coordinator.reports.gc_text import Removal, gc_as_json, gc_text
from coordinator.reports.page import Page
from coordinator.reports.rights_text import rights_as_json, rights_text
from coordinator.reports.run_json import report_as_json
from coordinator.reports.wording import counted, one_line, seconds_text, shortened
from tests.plans import key, plan, step

if TYPE_CHECKING:
    from coordinator.model.forecast import Forecast
    from coordinator.model.plan import RunPlan
    from coordinator.model.precondition import PreconditionResult


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    findings: tuple[Finding, ...] = ()
    target: str = "t"
    environment: str = "e"
    modules: int = 2
    revisions: int = 9
    pending: int = 1


def test_a_check_without_findings_says_what_was_looked_at() -> None:
    assert (
        check_text(Checked(), Page()) == "looked at 9 revisions of 2 modules, 1 pending: nothing is wrong\n"
    )


def test_a_check_tells_each_finding_and_counts_them() -> None:
    findings = (
        Finding(
            rule="several-heads", message="two heads", place=Place("/p/modules/a.py", 3), help="merge them"
        ),
        Finding(rule="no-map", message="there is no map", severity=Severity.WARNING),
    )
    told = check_text(Checked(findings=findings), Page(folder="/p"))
    assert told.splitlines() == [
        "error several-heads: two heads (modules/a.py:3)",
        "  → merge them",
        "warning no-map: there is no map",
        "",
        "looked at 9 revisions of 2 modules, 1 pending: 1 error, 1 warning",
    ]
    document = json.loads(json.dumps(check_as_json(Checked(findings=findings))))
    assert document["errors"] == 1
    assert document["findings"][0]["place"] == {"file": "/p/modules/a.py", "line": 3}


def lacking(*missing: Right) -> RightsReport:
    return RightsReport(
        target="t",
        environment="e",
        role="deploy",
        superuser=False,
        needs=(
            NeededRights(need=Need.READ, wanted=(), missing=()),
            NeededRights(
                need=Need.APPLY,
                wanted=missing,
                missing=missing,
                statements=tuple(f"GRANT {number};" for number, _ in enumerate(missing)),
            ),
        ),
    )


def test_rights_say_what_is_lacking_for_which_commands_and_the_statements() -> None:
    why = "to write the ledger"
    tables = tuple(
        Right(kind=RightKind.TABLE, name=("migrate", name), privilege="INSERT", holder="deploy", why=why)
        for name in ("run", "step", "intent")
    )
    told = rights_text(lacking(*tables), Page())
    assert "may    status, history, plan, check" in told
    assert "lacks  all-modules, rollback, recover, gc: writing" in told
    assert "to write the ledger: INSERT on 3 tables of schema 'migrate'" in told
    assert told.splitlines()[-3:] == ["  GRANT 0;", "  GRANT 1;", "  GRANT 2;"]
    document = json.loads(json.dumps(rights_as_json(lacking(*tables))))
    assert document["complete"] is False
    assert document["needs"][1]["missing"][0]["right"] == "INSERT on table 'migrate.run'"
    assert "nothing is missing" in rights_text(lacking(), Page())


LEFT = Leftover(kind=LeftoverKind.DATABASE, name="migrate_x", place="server a", reason="its maker is gone")


def test_leftovers_are_listed_with_what_became_of_them() -> None:
    removals = [
        Removal(leftover=LEFT, removed=True),
        Removal(leftover=LEFT, removed=False, why_not="in use again"),
    ]
    told = gc_text(removals, ["Docker engine: not there"], dry_run=False, page=Page())
    assert told.splitlines() == [
        "removed: database migrate_x in server a (its maker is gone)",
        "not removed: database migrate_x in server a (its maker is gone)",
        "  in use again",
        "not looked at: Docker engine: not there",
        "removed 1 of 2 leftovers",
    ]
    assert gc_text([], [], dry_run=False, page=Page()) == "nothing is left behind\n"
    dry = gc_text([Removal(leftover=LEFT, removed=False)], [], dry_run=True, page=Page())
    assert dry.endswith("would remove 1 leftover\n")
    document = json.loads(json.dumps(gc_as_json(removals, [], dry_run=False)))
    assert [each["removed"] for each in document["leftovers"]] == [True, False]


class Outcome(enum.Enum):
    APPLIED = "applied"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    outcome: enum.Enum = Outcome.APPLIED
    target: str = "postgresql://db/erp"
    environment: str = "production"
    plan: RunPlan | None = None
    rehearsal: Rehearsal | None = None
    run: int | None = 7
    seconds: float = 1.23456
    findings: tuple[Finding, ...] = ()
    forecasts: tuple[Forecast, ...] = ()
    preconditions: tuple[PreconditionResult, ...] = ()


def test_a_run_is_json_with_plan_rehearsal_and_each_finding_once() -> None:
    finding = Finding(rule="r", message="m", revision=key("crm:a1"))
    rehearsal = Rehearsal(
        where="embedded",
        server_version=150018,
        steps=(RehearsedStep(key=key("crm:a1"), grade=StepGrade.LOSSY, seconds=0.5, lost=("column x",)),),
        seconds=2.0,
        reversed_whole=True,
    )
    document = json.loads(
        json.dumps(
            report_as_json(
                Report(plan=plan([step(1, "crm:a1")]), rehearsal=rehearsal, findings=(finding, finding))
            )
        )
    )
    assert document["outcome"] == "applied"
    assert document["seconds"] == 1.235
    assert document["plan"]["segments"][0]["steps"][0]["revision"] == "a1"
    assert document["rehearsal"]["steps"] == [
        {
            "module": "crm",
            "revision": "a1",
            "grade": "lossy",
            "seconds": 0.5,
            "lost": ["column x"],
            "atStake": [],
            "findings": [],
        }
    ]
    assert [each["revision"] for each in document["findings"]] == ["crm:a1"]
    assert json.loads(json.dumps(report_as_json(Report(run=None))))["plan"] is None


def test_numbers_and_times_are_worded_as_people_say_them() -> None:
    assert [counted(0, "step"), counted(1, "step"), counted(2, "step")] == ["0 steps", "1 step", "2 steps"]
    assert [seconds_text(each) for each in (0.123, 14.4, 185, 7260)] == [
        "0.12 s",
        "14 s",
        "3 min 5 s",
        "2 h 1 min",
    ]
    assert one_line("a\n\tb\x1b[0m  c") == "a b [0m c"
    assert shortened("abcdef", 4) == "abc…"


def test_what_could_move_a_cursor_is_marked_on_a_page() -> None:
    (line,) = Page().wrapped("the snapshot 'a\x1b]0;b\x07\u202e' of  today")
    assert line == "the snapshot 'a\ufffd]0;b\ufffd\ufffd' of  today"


def test_a_command_in_a_sentence_is_never_broken() -> None:
    lines = Page(width=30).wrapped("now and then it is `migrate recover --abort` that helps")
    assert any("`migrate recover --abort`" in line for line in lines)
