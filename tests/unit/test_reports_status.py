"""What is in, what ran and what is not over, as text and as JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from coordinator.model.capture import Direction
from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.finding import Finding
from coordinator.model.names import Place
from coordinator.model.recovery import HalfDone, Recovered, RecoveryReport, UnfinishedRun
from coordinator.model.run import Run, RunStatus, StepRecord, StepStatus
from coordinator.model.status import DatabaseStatus, ModuleStatus, OpenRun, OpenState, PendingRevision
from coordinator.reports.history_json import run_with_steps_as_json, runs_as_json
from coordinator.reports.history_text import history_text, run_text
from coordinator.reports.page import Page
from coordinator.reports.recovery_text import recovery_as_json, recovery_text
from coordinator.reports.status_json import status_as_json
from coordinator.reports.status_text import status_text
from coordinator.reports.table import Cell, table
from tests.plans import key

BEGAN = datetime(2026, 11, 22, 2, 0, 41, tzinfo=UTC)


def run(
    number: int,
    status: RunStatus,
    *steps: StepRecord,
    error: str | None = None,
    finished: datetime | None = BEGAN + timedelta(seconds=3),
) -> Run:
    return Run(
        number=number,
        kind="apply",
        status=status,
        plan="d" * 64,
        guarantee="one transaction: everything or nothing",
        environment="production",
        host="crm-1",
        pid=77,
        started=BEGAN,
        finished=finished,
        program="0.1.0",
        rehearsal="embedded PostgreSQL 15.18",
        error=error,
        steps=steps,
    )


def record(sequence: int, name: str, status: StepStatus, *, error: str | None = None) -> StepRecord:
    return StepRecord(
        run=1,
        sequence=sequence,
        key=key(name),
        direction=Direction.DOWNGRADE if status is StepStatus.REVERSED else Direction.UPGRADE,
        status=status,
        seconds=0.25,
        finished=BEGAN,
        error=error,
    )


def module(name: str, *pending: str, present: bool = True, **facts: tuple[str, ...]) -> ModuleStatus:
    return ModuleStatus(
        name=name,
        present=present,
        heads=facts.get("heads", ("a1",)),
        applied=3,
        total=3 + len(pending),
        pending=tuple(
            PendingRevision(key=key(f"{name}:{each}"), message=f"message of {each}", place=Place("f.py", 1))
            for each in pending
        ),
        ahead=facts.get("ahead", ()),
        unknown=facts.get("unknown", ()),
    )


def status(
    *modules: ModuleStatus, open_runs: tuple[OpenRun, ...] = (), holder: str | None = None
) -> DatabaseStatus:
    return DatabaseStatus(
        target="postgresql://db/erp",
        environment="production",
        server_version=150018,
        ledger=1,
        modules=modules,
        open_runs=open_runs,
        holder=holder,
    )


def test_each_module_has_a_line_with_its_state() -> None:
    told = status_text(
        status(
            module("agenda"),
            module("billing", "b4", "b5"),
            module("crm", ahead=("c9",)),
            module("gone", present=False),
            module("lost", unknown=("zz",), heads=("zz",)),
        ),
        Page(),
    )
    assert told.splitlines()[:6] == [
        "module   applied  heads  state",
        "agenda   3/3      a1     up to date",
        "billing  3/5      a1     2 pending",
        "crm      3/3      a1     ahead by 1",
        "gone     3        a1     not in this checkout",
        "lost     3/3      zz     unknown head zz",
    ]
    assert "pending in billing\n  billing:b4  message of b4\n" in told
    assert "next:  `migrate check` says what to do about heads that nobody knows" in told


def test_the_next_command_fits_what_is_found() -> None:
    assert status_text(status(module("crm")), Page()).endswith("every revision of this checkout is in\n")
    assert "`migrate all-modules` applies it" in status_text(status(module("crm", "a2")), Page(width=200))
    cut = OpenRun(run=run(4, RunStatus.RUNNING, finished=None), state=OpenState.CUT_OFF)
    told = status_text(status(module("crm", "a2"), open_runs=(cut,)), Page())
    assert "run 4 is cut off; it began on crm-1 at 2026-11-22 02:00:41+00:00" in told
    assert "next:  `migrate recover` explains what is in and how to go on" in told


def test_what_is_refused_now_is_not_called_the_next_command() -> None:
    held = Finding(rule="on-hold", message="crm:a2 is on hold", help="`migrate release crm:a2` lets it go")
    told = status_text(replace(status(module("crm", "a2")), findings=(held,)), Page(width=200))
    assert "next:  `migrate all-modules` does not apply it before what stands above is settled" in told


def test_a_run_at_work_is_no_reason_to_recover() -> None:
    working = OpenRun(run=run(4, RunStatus.RUNNING, finished=None), state=OpenState.AT_WORK)
    told = status_text(status(module("crm", "a2"), open_runs=(working,), holder="run 4 on crm-1"), Page())
    assert "run 4 is at work on crm-1" in told
    assert "the lock is held by run 4 on crm-1" in told
    assert "next:  `migrate status --wait 10m` waits for the run at work, `migrate cancel`" in told
    assert "all-modules" not in told
    assert "recover" not in told


def test_many_pending_revisions_are_cut_in_the_text_and_whole_in_json() -> None:
    many = status(module("crm", *(f"a{number}" for number in range(10, 20))))
    assert "  and 6 more revisions" in status_text(many, Page())
    document = json.loads(json.dumps(status_as_json(many)))
    assert document["atHeads"] is False
    assert len(document["modules"][0]["pending"]) == 10


def test_an_absent_module_is_no_reason_to_wait() -> None:
    assert status(module("crm"), module("gone", present=False)).at_heads
    assert not status(module("crm", unknown=("zz",))).at_heads


def test_history_is_a_table_of_runs_with_the_newest_first() -> None:
    told = history_text(
        [run(2, RunStatus.UNSETTLED, error="crm:a2 failed"), run(1, RunStatus.APPLIED)],
        exists=True,
        page=Page(),
    )
    lines = told.splitlines()
    assert lines[0].split() == ["run", "status", "kind", "started", "took", "environment", "error"]
    assert lines[1] == "2    unsettled  apply  2026-11-22 02:00:41  3.00 s  production   crm:a2 failed"
    assert max(len(line) for line in lines) <= 80
    assert "no ledger" in history_text([], exists=False, page=Page())
    assert history_text([], exists=True, page=Page()) == "no run yet\n"


def test_one_run_shows_every_step_with_status_time_and_error() -> None:
    failed = run(
        1,
        RunStatus.REVERSED,
        record(1, "crm:a1", StepStatus.APPLIED),
        record(2, "agenda:long_name", StepStatus.FAILED, error="column 'x' does not exist"),
        record(3, "crm:a1", StepStatus.REVERSED),
        error="agenda:long_name failed",
    )
    lines = run_text(failed, Page()).splitlines()
    assert lines[0] == "run 1: reversed"
    steps = [line for line in lines if " .. " in line or "...." in line]
    assert [line[:21] for line in steps] == [
        "  + crm:a1           ",
        "  ! agenda:long_name ",
        "  - crm:a1           ",
    ]
    assert [line.split(". ")[-1] for line in steps] == ["applied (0.25 s)", "failed", "reversed (0.25 s)"]
    assert {len(line) for line in steps} == {80}
    assert "      column 'x' does not exist" in lines
    assert lines[-1] == "3 rows: 1 applied, 1 reversed, 1 failed"
    document = json.loads(json.dumps(run_with_steps_as_json(failed)))
    assert [each["status"] for each in document["steps"]] == ["applied", "failed", "reversed"]
    assert document["started"] == "2026-11-22T02:00:41+00:00"
    assert "steps" not in runs_as_json([failed], target="t", environment="e")["runs"][0]  # type: ignore[index]  # a list of objects


INDEX = ObjectName(ObjectKind.INDEX, "crm", "ix_email")


def recovery(
    state: OpenState, outcome: Recovered, *half: HalfDone, groups: tuple[str, ...] = ()
) -> RecoveryReport:
    word = RunStatus.UNSETTLED if state is OpenState.UNSETTLED else RunStatus.RUNNING
    return RecoveryReport(
        target="postgresql://db/erp",
        environment="production",
        outcome=outcome,
        runs=(
            UnfinishedRun(
                open_run=OpenRun(run=run(4, word, error="crm:a2 failed", finished=None), state=state),
                committed=tuple((key(each),) for each in groups),
                not_in=(key("billing:b1"),),
                half_done=half,
            ),
        ),
        run=5 if outcome is Recovered.TAKEN_BACK else None,
    )


def test_an_unsettled_run_is_explained_with_the_recommended_command_first() -> None:
    half = HalfDone(key=key("crm:a3"), direction=Direction.UPGRADE, made=(INDEX,), invalid=(INDEX,))
    told = recovery_text(recovery(OpenState.UNSETTLED, Recovered.EXPLAINED, half, groups=("crm:a1",)), Page())
    assert told.splitlines() == [
        "run 4 is unsettled",
        "  began      2026-11-22 02:00:41+00:00 on crm-1, process 77",
        "  error      crm:a2 failed",
        "  in         crm:a1",
        "  not in     billing:b1",
        "  half done  crm:a3 in its upgrade(): nothing of it is there; left invalid:",
        "             index 'crm.ix_email'",
        "",
        "next:  `migrate recover --abort` takes back what is in (1 step, newest first)",
        "   or  `migrate recover --resume` keeps what is in; `migrate all-modules` then",
        "       goes on from there",
    ]


def test_a_run_that_was_only_cut_off_needs_no_decision() -> None:
    told = recovery_text(recovery(OpenState.CUT_OFF, Recovered.EXPLAINED), Page())
    assert "next:  `migrate all-modules` goes on from there by itself" in told
    assert "--resume" not in told


def test_a_server_process_that_still_works_comes_before_every_choice() -> None:
    report = recovery(OpenState.CUT_OFF, Recovered.EXPLAINED)
    busy = replace(
        report, runs=(replace(report.runs[0], backends=("server process 4711 (migrate:4 main)",)),)
    )
    told = " ".join(recovery_text(busy, Page()).split())
    assert "still server process 4711 (migrate:4 main) works for it, though its client is gone" in told
    assert "next: `migrate recover --end-backend` ends what still works for it" in told
    assert "--abort" not in told


def test_what_was_done_about_it_is_said() -> None:
    taken = recovery_text(recovery(OpenState.UNSETTLED, Recovered.TAKEN_BACK, groups=("crm:a1",)), Page())
    assert "taken back: nothing of run 4 is in (run 5); `migrate history 5` shows it" in " ".join(
        taken.split()
    )
    settled = recovery_text(recovery(OpenState.UNSETTLED, Recovered.SETTLED), Page())
    assert "settled: run 4 as it is; `migrate all-modules` goes on from there" in settled
    nothing = RecoveryReport(target="t", environment="e", outcome=Recovered.NOTHING)
    assert recovery_text(nothing, Page()) == "nothing is unsettled\n"
    document = json.loads(
        json.dumps(recovery_as_json(recovery(OpenState.CUT_OFF, Recovered.EXPLAINED, groups=("crm:a1",))))
    )
    assert document["runs"][0]["stillIn"] == ["crm:a1"]


def test_a_table_fits_its_page_and_leaves_out_what_is_empty() -> None:
    rows = [("a", "", "x" * 100, Cell(text="bad\x1b[31m", colour="red"))]
    lines = table(("name", "none", "long", "state"), rows, Page(width=40))
    assert lines[0].split() == ["name", "long", "state"]
    assert all(len(line) <= 40 for line in lines)
    assert "…" in lines[1]
    assert "\x1b" not in lines[1]
    assert table(("a",), [], Page()) == []
