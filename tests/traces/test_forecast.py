"""What traces mean at other sizes: who waits, what comes first, how long it may take and by which assumption."""

from __future__ import annotations

import pytest

from coordinator.model.capture import Direction
from coordinator.model.forecast import Blocks, Throughput, parse_throughput, size_words
from coordinator.model.locks import LockMode
from coordinator.model.names import RevisionKey
from coordinator.model.table_size import TableSize
from coordinator.model.trace import StatementTrace, TableWork, TracedLock, WorkKind
from coordinator.planning.forecast import forecast
from coordinator.reports.forecast_json import forecasts_as_json, traces_as_json
from coordinator.reports.forecast_text import forecast_lines
from coordinator.reports.page import Page

SIZES = {
    ("crm", "customers"): TableSize(rows=41_000_000, bytes=12_000_000_000),
    ("crm", "notes"): TableSize(rows=-1, bytes=1_000_000),
    ("billing", "invoices"): TableSize(rows=900, bytes=80_000),
}
OWNERS = {"crm": "crm", "billing": "billing"}


def lock(table: str, mode: LockMode, *, named: bool = True, first: str | None = "") -> TracedLock:
    schema, name = table.split(".")
    began = (schema, name) if first == "" else (tuple(first.split(".")) if first else None)
    return TracedLock(schema=schema, table=name, mode=mode, named=named, first=began)  # type: ignore[arg-type]


def work(table: str, kind: WorkKind) -> TableWork:
    schema, name = table.split(".")
    return TableWork(kind=kind, schema=schema, table=name, first=(schema, name))


def trace(
    *parts: TracedLock | TableWork, sql: str = "ALTER TABLE x", line: int = 7, **more: object
) -> StatementTrace:
    return StatementTrace(
        key=RevisionKey("billing", "b2"),
        direction=Direction.UPGRADE,
        line=line,
        sql=sql,
        seconds=0.01,
        locks=tuple(each for each in parts if isinstance(each, TracedLock)),
        works=tuple(each for each in parts if isinstance(each, TableWork)),
        **more,  # type: ignore[arg-type]
    )


REWRITE = trace(
    lock("crm.customers", LockMode.ACCESS_EXCLUSIVE),
    work("crm.customers", WorkKind.REWRITE),
    sql="ALTER | TABLE `x`",
)
KEY = trace(
    lock("billing.invoices", LockMode.SHARE_ROW_EXCLUSIVE),
    lock("crm.notes", LockMode.SHARE_ROW_EXCLUSIVE, named=False),
)


def test_the_sentence_says_table_size_lock_work_and_who_waits() -> None:
    (found,) = forecast((REWRITE,), SIZES, OWNERS)
    assert found.sentence == (
        "crm.customers, 41 M rows, 12 GB: ACCESS EXCLUSIVE for a rewrite, readers and writers wait"
    )
    assert (found.module, found.blocks) == ("crm", Blocks.READING)


def test_what_the_author_never_named_comes_first_then_the_strongest_lock_times_the_size() -> None:
    found = forecast((KEY, REWRITE), SIZES, OWNERS)
    assert [f"{each.schema}.{each.table}" for each in found] == [
        "crm.notes",
        "crm.customers",
        "billing.invoices",
    ]
    assert [each.named for each in found] == [False, True, True]


def test_an_estimate_always_comes_with_what_it_assumes() -> None:
    (found,) = forecast((REWRITE,), SIZES, OWNERS, Throughput(rewrite=100_000_000))
    assert found.estimate is not None
    assert (found.estimate.seconds, found.estimate.basis) == (120.0, "if it rewrites 100 MB a second")
    no_size = forecast((REWRITE,), {}, OWNERS)[0]
    assert (no_size.estimate, no_size.size) == (None, None)
    assert "size not known" in no_size.sentence


def test_a_table_that_the_steps_made_is_left_out_and_a_renamed_one_keeps_its_size() -> None:
    made = trace(lock("crm.fresh", LockMode.ACCESS_EXCLUSIVE, first=None))
    renamed = trace(lock("crm.clients", LockMode.ACCESS_EXCLUSIVE, first="crm.customers"))
    (found,) = forecast((made, renamed), SIZES, OWNERS)
    assert (found.table, found.size) == ("customers", SIZES["crm", "customers"])


def test_work_under_a_lock_that_was_taken_before_is_told_with_that_lock() -> None:
    first = trace(lock("crm.customers", LockMode.ACCESS_EXCLUSIVE))
    second = trace(work("crm.customers", WorkKind.SCAN))
    found = next(each for each in forecast((first, second), SIZES, OWNERS) if each.works)
    assert (found.mode, found.held_before) == (LockMode.ACCESS_EXCLUSIVE, True)


def test_no_lock_outlives_the_commit_before_what_runs_alone() -> None:
    first = trace(lock("crm.customers", LockMode.ACCESS_EXCLUSIVE))
    between = trace(lock("crm.notes", LockMode.SHARE_UPDATE_EXCLUSIVE), alone=True)
    last = trace(work("crm.customers", WorkKind.SCAN))
    found = next(each for each in forecast((first, between, last), SIZES, OWNERS) if each.works)
    assert found.mode is LockMode.ACCESS_SHARE


@pytest.mark.parametrize(
    ("mode", "blocks"),
    [
        (LockMode.ACCESS_EXCLUSIVE, Blocks.READING),
        (LockMode.EXCLUSIVE, Blocks.WRITING),
        (LockMode.SHARE_ROW_EXCLUSIVE, Blocks.WRITING),
        (LockMode.SHARE, Blocks.WRITING),
        (LockMode.SHARE_UPDATE_EXCLUSIVE, Blocks.NOBODY),
        (LockMode.ROW_EXCLUSIVE, Blocks.NOBODY),
    ],
)
def test_each_lock_keeps_waiting_whom_postgresql_says(mode: LockMode, blocks: Blocks) -> None:
    assert Blocks.of(mode) is blocks


def test_the_text_fits_80_columns_and_says_what_was_not_named() -> None:
    lines = forecast_lines(
        forecast((KEY, REWRITE), SIZES, OWNERS), Page(), direction=Direction.UPGRADE, where="the target"
    )
    assert max(len(line) for line in lines) <= 80
    told = " ".join(" ".join(lines).split())
    assert told.startswith(
        "locks and work on tables, at the sizes of the target: crm.notes, rows not counted yet, 1 MB:"
    )
    assert "the statement does not name crm.notes, which belongs to module crm" in told
    assert "about 4 min 0 s, an estimate: if it rewrites 50 MB a second" in told
    assert "billing:b2 line 7: ALTER | TABLE `x`" in told


def test_the_text_is_short_and_says_how_many_more_there_are() -> None:
    many = forecast((KEY, REWRITE), SIZES, OWNERS)
    lines = forecast_lines(many, Page(), direction=Direction.UPGRADE, where="the target", shown=1)
    assert lines[-1] == "  and 2 more, all of them with --format json"
    assert forecast_lines(many, Page(), direction=Direction.DOWNGRADE, where="the target") == []
    quiet = forecast((trace(lock("crm.notes", LockMode.ROW_EXCLUSIVE)),), SIZES, OWNERS)
    assert forecast_lines(quiet, Page(), direction=Direction.UPGRADE, where="the target") == []


def test_json_has_both_the_trace_and_what_it_means() -> None:
    (found,) = traces_as_json((REWRITE,))
    assert found["locks"] == [
        {
            "table": "crm.customers",
            "mode": "ACCESS EXCLUSIVE",
            "blocks": "reading and writing",
            "named": True,
            "through": None,
        }
    ]
    assert found["work"] == [{"kind": "rewrite", "table": "crm.customers", "index": None, "bytes": 0}]
    (meant,) = forecasts_as_json(forecast((REWRITE,), SIZES, OWNERS))
    assert (meant["rows"], meant["bytes"]) == (41_000_000, 12_000_000_000)
    assert meant["estimate"] == {"seconds": 240.0, "basis": "if it rewrites 50 MB a second"}


def test_throughput_is_read_in_its_form_and_nothing_else() -> None:
    assert parse_throughput("rewrite 1GB, scan 2MB") == Throughput(rewrite=1_000_000_000, scan=2_000_000)
    for wrong in ("fast", "rewrite", "rewrite 0MB", "write 3MB"):
        with pytest.raises(ValueError, match="rewrite"):
            parse_throughput(wrong)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (-1, "rows not counted yet"),
        (0, "0 rows"),
        (1, "1 row"),
        (9999, "9999 rows"),
        (12_345, "12 k rows"),
        (1_234_567, "1.2 M rows"),
    ],
)
def test_sizes_are_told_shortly(rows: int, words: str) -> None:
    assert size_words(TableSize(rows=rows, bytes=0)) == f"{words}, 0 B"
