"""The queries under a module's checks/ run read-only, in limited time, and tell no values."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.model.capture import Direction
from coordinator.model.names import Place
from coordinator.postgres.connect import connect
from coordinator.postgres.session import Session
from tests.integrity import CRM, HEALTHY, only, step_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from coordinator.model.finding import Finding
    from coordinator.model.target import DatabaseUrl


@pytest.fixture
def session(database: DatabaseUrl) -> Iterator[Session]:
    with Session(connect(database, application_name="tests")) as opened:
        opened.execute(HEALTHY)
        yield opened


@pytest.fixture
def step(session: Session, tmp_path: Path) -> Callable[..., tuple[Finding, ...]]:
    """Runs an empty step of a module whose only check is the given text."""

    def run(text: str, **details: Any) -> tuple[Finding, ...]:
        (tmp_path / "checks").mkdir(exist_ok=True)
        (tmp_path / "checks" / "phones.sql").write_text(text, encoding="utf-8")
        return step_of("SELECT 1", session, module=replace(CRM, path=tmp_path), **details)

    return run


def test_rows_are_violations_and_their_values_are_not_told(step: Callable[..., tuple[Finding, ...]]) -> None:
    finding = only(
        step(
            "-- nobody without a phone\n\nSELECT id, name AS \"who {is}\" FROM customers WHERE name LIKE '%1%' -- ten"
        )
    )
    assert finding.rule == "own-checks"
    assert finding.message == (
        "crm:a1 leaves 2 rows (columns id, who {is}) in the check 'phones.sql' of module 'crm', which must return none"
    )
    assert finding.place is not None
    assert (finding.place.file.endswith("checks/phones.sql"), finding.place.line) == (True, 3)
    assert "customer 1" not in f"{finding.message}{finding.help}"


def test_a_query_without_rows_is_fine(step: Callable[..., tuple[Finding, ...]]) -> None:
    assert step("SELECT id, id FROM crm.customers WHERE name IS NULL; SELECT 1 WHERE false;") == ()


def test_each_query_of_a_file_has_its_own_line(step: Callable[..., tuple[Finding, ...]]) -> None:
    first, second = step("SELECT 1;\n\nWITH x AS (SELECT 2 AS é)\nSELECT * FROM x;\n")
    assert isinstance(first.place, Place)
    assert isinstance(second.place, Place)
    assert (first.place.line, second.place.line) == (1, 3)


@pytest.mark.parametrize(
    "command", ["DELETE FROM crm.customers", "COMMIT", "SET ROLE none", "DROP TABLE crm.visits"]
)
def test_a_command_that_is_no_query_is_refused_before_it_runs(
    step: Callable[..., tuple[Finding, ...]], session: Session, command: str
) -> None:
    finding = only(step(f"SELECT 1 WHERE false;\n{command}"))
    assert "'phones.sql' of module 'crm' holds a command that is no query" in finding.message
    assert finding.place is not None
    assert finding.place.line == 2
    assert session.value("SELECT count(*) FROM crm.visits") == 10


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT nextval('crm.customers_id_seq')", "cannot execute nextval() in a read-only transaction"),
        (
            "WITH gone AS (DELETE FROM crm.visits RETURNING 1) SELECT * FROM gone",
            "WITH clause containing a data-modifying",
        ),
        ("SELECT pg_sleep(5)", "statement timeout"),
        ("SELECT 1 / 0", "division by zero"),
    ],
)
def test_a_query_that_writes_hangs_or_fails_is_told_and_stopped(
    step: Callable[..., tuple[Finding, ...]], session: Session, query: str, words: str
) -> None:
    finding = only(step(query, seconds=0.2))
    assert "'phones.sql' of module 'crm' failed: " in finding.message
    assert words in finding.message
    assert session.value("SELECT count(*) FROM crm.visits") == 10
    assert session.value("SELECT nextval('crm.customers_id_seq')") == 11


def test_what_is_no_sql_is_told_with_its_place(step: Callable[..., tuple[Finding, ...]]) -> None:
    finding = only(step("SELECT 1 WHERE false;\nSELEC 2"))
    assert "is no SQL: syntax error" in finding.message
    assert finding.place is not None
    assert finding.place.line == 2


def test_a_file_that_is_no_text_is_told(step: Callable[..., tuple[Finding, ...]], tmp_path: Path) -> None:
    step("SELECT 1 WHERE false")
    (tmp_path / "checks" / "binary.sql").write_bytes(b"\xff\xfe\x00")
    assert (
        "'binary.sql' of module 'crm' is no SQL: it is not UTF-8"
        in only(step("SELECT 1 WHERE false")).message
    )


def test_a_query_about_what_a_later_step_makes_waits_for_the_last_one(
    step: Callable[..., tuple[Finding, ...]],
) -> None:
    query = "SELECT * FROM crm.not_yet"
    assert step(query) == ()
    finding = only(step(query, last_of_module=True))
    assert 'relation "crm.not_yet" does not exist' in finding.message


def test_a_downgrade_is_not_measured_by_the_newest_state(step: Callable[..., tuple[Finding, ...]]) -> None:
    assert step("SELECT 1", direction=Direction.DOWNGRADE) == ()
