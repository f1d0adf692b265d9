"""docs/guarantees.md: every row of the failure catalogue has a promise, and every promise a test that is there."""

from __future__ import annotations

import re

import pytest

from tests.guarantees import PAGE, NamedTest, Watch, is_collected, named_tests

FAILURES = range(1, 53)
TEXT = PAGE.read_text(encoding="utf-8")


def row(number: int) -> str:
    found = re.findall(rf"^\| {number} \|.*$", TEXT, re.MULTILINE)
    assert len(found) == 1, f"failure {number} has {len(found)} rows"
    return str(found[0])


@pytest.mark.parametrize("number", FAILURES)
def test_every_failure_has_a_promise_and_a_test(number: int) -> None:
    cells = [each.strip() for each in row(number).strip("|").split(" | ")]
    assert len(cells) == 4, cells
    assert len(cells[2]) > 20, "no promise"
    assert named_tests(cells[3]), "no test is named"


@pytest.mark.parametrize("test", named_tests(TEXT), ids=str)
def test_every_named_test_is_there(test: NamedTest) -> None:
    assert test.exists


def test_a_test_that_is_not_there_is_found_out() -> None:
    (missing,) = named_tests("see `tests/test_guarantees.py::test_that_nobody_wrote`")
    assert not missing.exists
    (elsewhere,) = named_tests("see `tests/nowhere.py::test_every_named_test_is_there`")
    assert not elsewhere.exists


@pytest.mark.parametrize(
    ("source", "function", "found"),
    [
        ("def test_it(): ...", "test_it", True),
        ("class TestIt:\n  def test_it(self): ...", "TestIt::test_it", True),
        ("@pytest.mark.skipif(old, reason='old')\ndef test_it(): ...", "test_it", True),
        ("class TestIt:\n  def test_it(self): ...", "test_it", False),
        ("class TestOther:\n  def test_it(self): ...", "TestIt::test_it", False),
        ("class Helper:\n  def test_it(self): ...", "Helper::test_it", False),
        ("def helper(): ...", "helper", False),
        ("def outer():\n  def test_it(): ...", "test_it", False),
        ("@pytest.mark.skip\ndef test_it(): ...", "test_it", False),
        ("@pytest.mark.skip(reason='slow')\ndef test_it(): ...", "test_it", False),
        ("@pytest.mark.skip\nclass TestIt:\n  def test_it(self): ...", "TestIt::test_it", False),
        (
            "class TestIt:\n  pytestmark = [pytest.mark.skip]\n  def test_it(self): ...",
            "TestIt::test_it",
            False,
        ),
        ("pytestmark = pytest.mark.skip\ndef test_it(): ...", "test_it", False),
    ],
)
def test_a_test_counts_where_pytest_finds_it_and_runs_it(source: str, function: str, found: bool) -> None:
    assert is_collected(source, function) is found


@pytest.mark.parametrize(
    ("skipped", "strict", "broken"),
    [
        ("tests/a.py::test_two", "1", False),
        ("tests/a.py::test_one[case]", "1", True),
        ("tests/a.py::test_one[case]", "", False),
        ("tests/a.py", "1", True),  # pytest.skip(..., allow_module_level=True), pytest.importorskip
        ("tests/a", "1", False),
    ],
)
def test_a_skipped_promise_breaks_the_session_where_all_must_be_proved(
    monkeypatch: pytest.MonkeyPatch, skipped: str, strict: str, broken: bool
) -> None:
    watch = Watch(named=frozenset({"tests/a.py::test_one"}))
    watch.note(skipped, "no engine")
    monkeypatch.setenv("MIGRATE_TEST_GUARANTEES", strict)
    assert watch.is_broken is broken
