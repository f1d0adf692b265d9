"""The gate approves what is sound, and is stopped by each of its own checks when what that looks at is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

from tests.gate.counter import add_phone, assert_same_reason, write_map
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.gate.counter import Counter


def test_a_sound_revision_is_approved(counter: Counter) -> None:
    add_phone(counter.desk.root)
    before = counter.desk.picture()
    judged = counter.approved()
    assert [each["revision"] for each in judged.document["pending"]] == ["c2"]
    assert judged.document["plan"]["steps"][0]["changes"][0]["type"] == "ADD_COLUMN"
    starts = [each["start"] for each in judged.document["rehearsals"]]
    assert starts == ["baseline", "empty"]
    assert counter.desk.picture() == before
    again = counter.approved()
    assert again.outcomes == judged.outcomes
    assert again.document["plan"] == judged.document["plan"]
    assert again.code_quality == judged.code_quality


def test_nothing_pending_is_approved_and_says_so(counter: Counter) -> None:
    judged = counter.approved()
    assert "nothing is pending" in judged.document["summary"]
    assert judged.outcomes["rehearsal"] == "skipped"
    assert judged.outcomes["map"] == "passed"


def test_a_map_that_says_something_else_blocks(counter: Counter) -> None:
    add_phone(counter.desk.root)
    write_map(counter.desk.root)
    judged = counter.blocked("map", "map-lacks-column")
    assert judged.outcomes["rehearsal"] == "passed"


def test_a_map_that_is_not_there_blocks_where_the_settings_name_it(counter: Counter) -> None:
    (counter.desk.root / "database_map.md").unlink()
    judged = counter.approved()
    assert judged.outcomes["map"] == "skipped"
    assert [each["rule"] for each in judged.check("map")["findings"]] == ["no-map"]
    file = counter.desk.root / "pyproject.toml"
    text = file.read_text(encoding="utf-8")
    named = text.replace("[tool.migrate]", '[tool.migrate]\nmap = "database_map.md"')
    file.write_text(named, encoding="utf-8")
    judged = counter.blocked("map", "no-map")
    assert judged.check("map")["told"].endswith("database_map.md, and the settings name it")


def test_a_password_in_an_authors_exception_is_not_shown(counter: Counter) -> None:
    add_phone(counter.desk.root, upgrade='raise RuntimeError("no answer from amqp://me:geheim@queue/x")')
    judged = counter.gate()
    assert judged.document["verdict"] == "blocked"
    assert "amqp://me:***@queue/x" in judged.texts["text"]
    assert "geheim" not in judged.err + "".join(judged.texts.values())


def test_a_mistake_of_a_check_s_own_blocks_and_loses_no_report(counter: Counter) -> None:
    add_phone(counter.desk.root)
    with patch("coordinator.workflow.gate.map.check_map", side_effect=KeyError("s3cret")):
        judged = counter.gate()
    assert (judged.code, judged.document["verdict"]) == (4, "blocked")
    assert judged.document["exitCode"] == judged.sarif["invocations"][0]["exitCode"] == 4
    failed = judged.check("map")
    assert failed["told"].startswith("a mistake in the coordinator itself, KeyError at ")
    assert_same_reason(judged, failed, "mistake")
    assert judged.outcomes["rehearsal"] == "passed"
    assert not [form for form, text in judged.texts.items() if "s3cret" in text]
    assert "error: a mistake in the coordinator itself, KeyError at" in judged.said


def test_a_revision_that_fails_in_rehearsal_blocks_and_the_rest_is_told(counter: Counter) -> None:
    add_phone(counter.desk.root)
    write_revision(
        versions_of(counter.desk.root, "crm"),
        "c3",
        after="c2",
        message="fail",
        upgrade='op.execute("ALTER TABLE crm.nowhere ADD x int")',
    )
    judged = counter.blocked("rehearsal", "rehearsal-failed")
    assert judged.outcomes["reversal"] == "not run"
    assert judged.outcomes["preflight"] == "passed"
    (baseline, *_) = judged.document["rehearsals"]
    assert [each["outcome"] for each in baseline["steps"]] == ["passed", "failed"]
