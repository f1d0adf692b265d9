"""What is sent again of a function that was cut off, and what is not."""

from __future__ import annotations

import pytest

from coordinator.errors import UnsettledError
from coordinator.execution.progress import Progress
from coordinator.model.recovery import Mark


def passed(progress: Progress, text: str, *, outside: bool = False) -> int | None:
    return progress.passes(text, "crm", written=text, outside=outside)


def sent(*texts: str) -> Mark:
    """How far a function is in that has sent these."""
    progress = Progress()
    for each in texts:
        assert passed(progress, each) is None
    assert progress.mark is not None
    return progress.mark


def test_what_is_in_is_passed_over_and_settings_are_made_again() -> None:
    texts = ("UPDATE t SET a = a + 1", "SET lock_timeout = 0")
    progress = Progress(again=True, done=sent(*texts))
    assert [passed(progress, each) for each in texts] == [0, None]
    assert passed(progress, "UPDATE t SET a = a + 1") is None


def test_what_is_passed_over_changed_as_many_rows_as_it_had_and_is_told_again_after_another_try() -> None:
    texts = ("UPDATE t SET a = 1", "UPDATE t SET b = 1")
    first = Progress()
    for text, rows in zip(texts, (1000, 7), strict=True):
        passed(first, text)
        first.changed(rows)
    again = Progress(again=True, done=first.mark)
    assert [passed(again, each) for each in texts] == [1000, 7]
    again.ended()
    assert again.mark == first.mark


def test_a_function_that_ends_before_it_has_come_as_far_as_before_is_refused() -> None:
    texts = ("UPDATE t SET a = 1", "UPDATE t SET b = 1")
    progress = Progress(again=True, done=sent(*texts))
    passed(progress, texts[0])
    with pytest.raises(UnsettledError, match="does not send the statements"):
        progress.ended()


def test_other_statements_than_before_are_refused_and_so_is_all_that_follows() -> None:
    progress = Progress(again=True, done=sent("UPDATE t SET a = 1"))
    for text in ("UPDATE t SET a = 2", "SELECT 1"):
        with pytest.raises(UnsettledError, match="does not send the statements"):
            passed(progress, text)


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("DROP INDEX CONCURRENTLY ix", False),
        ("CREATE INDEX CONCURRENTLY ix ON t (lower(name))", False),
        ("VACUUM t", False),
        ("UPDATE t SET a = a + 1", True),
        ("ALTER TABLE t ALTER a TYPE bigint USING a * 2", True),
        ("SELECT crm.mend()", True),
        ("CALL crm.mend()", True),
    ],
)
def test_outside_of_a_transaction_only_what_may_be_done_twice_is_sent(text: str, refused: bool) -> None:
    progress = Progress(again=True, done=Mark())
    if not refused:
        assert passed(progress, text, outside=True) is None
        return
    with pytest.raises(UnsettledError, match="nobody knows whether this statement is in"):
        passed(progress, text, outside=True)


def test_behind_a_commit_of_its_own_nothing_is_in_doubt() -> None:
    progress = Progress(again=True, done=Mark())
    passed(progress, "VACUUM t", outside=True)
    progress.committed()
    assert passed(progress, "UPDATE t SET a = a + 1", outside=True) is None
