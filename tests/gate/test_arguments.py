"""What the gate refuses before it begins, with exit code 2; and what cannot be reached, with exit code 6 and a report."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.cli.report_files import ReportFiles
from coordinator.errors import UsageError
from coordinator.model.gate import GateStage
from coordinator.settings.gate import with_typed
from tests.gate.counter import add_phone

if TYPE_CHECKING:
    from tests.commands_site import Desk
    from tests.gate.counter import Counter


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--exec", "cross-modul=pytest"), "Did you mean 'cross-module'?"),
        (("--exec", "pytest"), "is not of the form STAGE=CMD"),
        (("--exec", "setup="), "is not of the form STAGE=CMD"),
        (("--report", "markdwn=x"), "Did you mean 'markdown'?"),
        (("--report", "json"), "is not of the form FORMAT=FILE"),
        (("--report", "json=-", "--report", "text=-"), "Two reports are to go to standard output"),
        (("--report", "json=nowhere/x.json"), "'nowhere/x.json' cannot be written"),
        (("--report", "json=modules"), "'modules' cannot be written: it is a directory"),
        (("--report", "json=a", "--report", "text=./a"), "is named twice"),
        (("--report", "json=a", "--certificate", "a"), "is named twice"),
        (("--certificate", "nowhere/x.json"), "'nowhere/x.json' cannot be written"),
        (("--baseline", "x", "--since", "main"), "name two starting points"),
        (("--live", "--baseline", "x"), "--live asks the target, and --baseline starts elsewhere"),
        (("--live", "--since", "main"), "--live asks the target, and --since starts elsewhere"),
        (("--baseline", "nowhere.snapshot"), "nowhere.snapshot"),
        (("--since", "main"), "git"),
        (("--staging", "off"), "A gate without a staging would judge nothing"),
        (("--exec-timeout", "soon"), "--exec-timeout must be a length of time"),
    ],
)
def test_a_question_that_is_wrong_is_refused_before_anything_begins(
    desk: Desk, arguments: tuple[str, ...], said: str
) -> None:
    before = sorted(path.name for path in desk.root.iterdir())
    ended = desk.migrate("gate", *arguments)
    assert (ended.code, said in ended.said) == (2, True), ended.err
    assert ended.out == ""
    assert sorted(path.name for path in desk.root.iterdir()) == before


def test_a_gate_that_nobody_tells_where_to_start_is_refused(desk: Desk) -> None:
    (desk.root / "pyproject.toml").write_text("[tool.migrate]\n", encoding="utf-8")
    from contextlib import chdir

    from coordinator.cli.main import run

    with chdir(desk.root), pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("PG", "MIGRATE_", "DATABASE_"))]:
            patch.delenv(name)
        patch.setenv("MIGRATE_STATE_DIR", str(desk.state))
        assert run(["gate"]) == 2


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('stages = { busines = "x" }', "Unknown key 'busines' in [gate.stages]. Did you mean 'business'?"),
        ("stages = { business = [] }", "'business' must be a command such as"),
        ("stages = { business = 3 }", "'business' must be a command such as"),
        ('stage = "x"', "Unknown key 'stage' in [gate]. Did you mean 'stages'?"),
    ],
)
def test_a_mistake_in_the_settings_is_told_with_its_line(desk: Desk, table: str, said: str) -> None:
    file = desk.root / "pyproject.toml"
    file.write_text(f"{file.read_text()}\n[tool.migrate.gate]\n{table}\n", encoding="utf-8")
    ended = desk.migrate("gate")
    assert (ended.code, said in ended.said) == (2, True), ended.err
    assert "pyproject.toml:" in ended.err


def test_what_is_typed_stands_in_the_place_of_the_settings_for_its_stage_only() -> None:
    settings = {GateStage.BUSINESS: ("a", "b"), GateStage.SETUP: ("c",)}
    typed = with_typed(settings, ("business=x = 1", " business =y"))
    assert typed == {GateStage.BUSINESS: ("x = 1", "y"), GateStage.SETUP: ("c",)}


def test_a_target_that_does_not_answer_is_no_verdict_about_the_pull_request(counter: Counter) -> None:
    add_phone(counter.desk.root)
    nowhere = type(counter.desk)(
        root=counter.desk.root,
        url=type(counter.desk.url)(
            parameters={"host": "127.0.0.1", "port": "1", "user": "x", "password": "geheim", "dbname": "x"}
        ),
        state=counter.desk.state,
    )
    judged = type(counter)(desk=nowhere, folder=counter.folder).gate()
    assert (judged.code, judged.document["verdict"]) == (6, "unavailable")
    assert judged.outcomes["baseline"] == "unavailable"
    assert "<error" in judged.texts["junit"]
    assert "<failure" not in judged.texts["junit"]
    assert "Migration gate: no verdict" in judged.texts["markdown"]
    assert "geheim" not in "".join(judged.texts.values())


def test_a_staging_that_cannot_be_had_does_not_hide_what_is_wrong(counter: Counter) -> None:
    add_phone(counter.desk.root)
    away = "postgresql://x:geheim@127.0.0.1:1/postgres"
    judged = counter.gate("--staging", away)
    assert (judged.code, judged.outcomes["staging"]) == (6, "unavailable")
    file = counter.desk.root / "modules" / "crm" / "migrations" / "versions" / "c1.py"
    file.write_text(file.read_text().replace("name text", "name text, nick text"))
    judged = counter.gate("--staging", away)
    assert (judged.code, judged.document["verdict"]) == (1, "blocked")
    assert "geheim" not in "".join(judged.texts.values())


def test_standard_output_gets_the_report_that_is_sent_there_and_nothing_else(counter: Counter) -> None:
    ended = counter.desk.migrate("gate", "--report", "json=-")
    assert json.loads(ended.out)["verdict"] == "approved"
    assert ended.code == 0


def test_files_are_there_whole_or_not_at_all(tmp_path: Path) -> None:
    target, other = tmp_path / "a.json", tmp_path / "b.json"
    target.write_text("old")
    target.chmod(0o640)

    def interrupted() -> None:
        with ReportFiles() as files:
            files.reserve(target, "--report")
            files.reserve(other, "--report")
            files.write(target, "new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json"]
    assert (target.read_text(), target.stat().st_mode & 0o777) == ("new", 0o640)


def test_a_pipe_that_a_shell_names_by_its_descriptor_is_written() -> None:
    reading, writing = os.pipe()
    try:
        with ReportFiles() as files:
            path = Path(f"/dev/fd/{writing}")
            files.reserve(path, "--report")
            files.write(path, "a\udcff")
        assert os.read(reading, 100) == b"a\\udcff"
    finally:
        os.close(reading)
        os.close(writing)


def test_a_pipe_is_written_and_not_replaced(tmp_path: Path) -> None:
    with ReportFiles() as files:
        files.reserve(Path("/dev/null"), "--report")
        files.write(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()
    with ReportFiles() as files:
        files.reserve(tmp_path / "a", "--report")
        with pytest.raises(UsageError, match="named twice"):
            files.reserve(tmp_path / "." / "a", "--report")
