"""Streams that are closed, full, left by their reader, piped or a terminal."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.connect import connect
from tests.hostile.harness import Done, command, environment, harmless
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full on this system")
COLOUR = re.compile(r"\x1b\[[0-9;]*[34][0-7][0-9;]*m")


def redirected(folder: Path, redirection: str, *arguments: str, **variables: str) -> Done:
    """Run `migrate` from a shell that redirects it."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {redirection}', "sh", *command(*arguments)],
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Exception ignored" not in done.stderr
    assert "a mistake" not in done.stderr
    return harmless(Done(code=done.returncode, out=done.stdout, err=done.stderr))


def left_alone(folder: Path, stream: str, *arguments: str, **variables: str) -> Done:
    """Run `migrate` with `stream` a pipe that nobody reads any more, as `| head` leaves it."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            command(*arguments),
            cwd=folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=writing if stream == "stdout" else subprocess.PIPE,
            stderr=writing if stream == "stderr" else subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    finally:
        os.close(writing)
    assert "Exception ignored" not in (done.stderr or "")
    return harmless(Done(code=done.returncode, out=done.stdout or "", err=done.stderr or ""))


def is_applied(database: DatabaseUrl) -> bool:
    with connect(database, application_name="test") as connection:
        found = connection.execute("SELECT to_regclass('billing.invoices') IS NOT NULL").fetchone()
    return found == (True,)


@pytest.mark.parametrize(
    "arguments",
    [
        ("plan",),
        ("plan", "--format", "json"),
        ("status",),
        ("--help",),
        ("all-modules", "--help"),
        ("map", "graph"),
    ],
    ids=" ".join,
)
def test_a_reader_of_the_document_who_leaves_early_is_no_failure(
    erp: Path, target: str, arguments: tuple[str, ...]
) -> None:
    (erp / "database_map.md").write_text("## Module crm\n\n## Module billing\n", encoding="utf-8")
    assert left_alone(erp, "stdout", *arguments, MIGRATE_DATABASE_URL=target).code == 0


def test_a_run_whose_progress_nobody_reads_goes_on(erp: Path, database: DatabaseUrl, target: str) -> None:
    assert left_alone(erp, "stderr", "all-modules", MIGRATE_DATABASE_URL=target).code == 0
    assert is_applied(database)


def test_a_refusal_that_nobody_reads_keeps_its_exit_code(erp: Path) -> None:
    assert left_alone(erp, "stderr", "all-modules", MIGRATE_DATABASE_URL="").code == 2
    assert left_alone(erp, "stderr", "--nosuch").code == 2


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_are_no_reason_to_fail(
    erp: Path, database: DatabaseUrl, target: str, closed: str
) -> None:
    """A descriptor that is free would become a connection's, and what is printed would go to the server."""
    assert redirected(erp, closed, "plan", MIGRATE_DATABASE_URL=target).code == 0
    assert redirected(erp, closed, "all-modules", MIGRATE_DATABASE_URL=target).code == 0
    assert is_applied(database)


@needs_full
def test_a_document_that_cannot_be_written_is_told(erp: Path, target: str) -> None:
    done = redirected(erp, ">/dev/full", "plan", MIGRATE_DATABASE_URL=target)
    done.check(2, "Standard output cannot be written: No space left on device.")


@needs_full
def test_a_document_about_what_is_done_that_cannot_be_written_is_told_and_no_failure(
    erp: Path, database: DatabaseUrl, target: str
) -> None:
    done: tuple[tuple[str, ...], ...] = (
        ("all-modules", "--yes", "--staging", "off", "--format", "json"),
        ("rollback", "billing", "--yes", "--staging", "off", "--format", "json"),
        ("release", "--all"),
        ("recover", "--abort"),
    )
    for words in done:
        ended = redirected(erp, ">/dev/full", *words, MIGRATE_DATABASE_URL=target)
        assert ended.code == 0, f"{words}: {ended.err}"
        assert "Standard output cannot be written: No space left on device." in ended.err
    looked = redirected(
        erp, ">/dev/full", "all-modules", "--dry-run", "--format", "json", MIGRATE_DATABASE_URL=target
    )
    assert looked.code == 2, looked.err
    with connect(database, application_name="test") as connection:
        assert connection.execute("SELECT status FROM migrate.run").fetchall() == [("applied",)] * 2


@needs_full
def test_a_run_whose_log_is_full_goes_on(erp: Path, database: DatabaseUrl, target: str) -> None:
    assert redirected(erp, "2>/dev/full", "all-modules", MIGRATE_DATABASE_URL=target).code == 0
    assert is_applied(database)


@needs_full
@pytest.mark.parametrize("how", ["nobody reads", "2>/dev/full", "<&- >&- 2>&-"])
def test_a_failure_that_nobody_hears_of_is_taken_back_and_stays_a_failure(
    erp: Path, database: DatabaseUrl, target: str, how: str
) -> None:
    write_revision(versions_of(erp, "billing"), "b2", after="b1", upgrade="op.execute('SELECT 1 / 0')")
    words = ("all-modules", "--staging", "off")

    failed = (
        left_alone(erp, "stderr", *words, MIGRATE_DATABASE_URL=target)
        if how == "nobody reads"
        else redirected(erp, how, *words, MIGRATE_DATABASE_URL=target)
    )

    assert failed.code == 3
    assert not is_applied(database)
    with connect(database, application_name="test") as connection:
        assert connection.execute("SELECT status FROM migrate.run").fetchall() == [("reversed",)]


def test_a_rollback_whose_reader_leaves_after_the_first_line_goes_on(
    erp: Path, database: DatabaseUrl, target: str
) -> None:
    applied = redirected(erp, "", "all-modules", "--staging", "off", MIGRATE_DATABASE_URL=target)
    assert applied.code == 0, applied.err
    words = ("rollback", "billing", "--yes", "--staging", "off", "--format", "json")
    for file in versions_of(erp, "billing").glob("*.py"):
        file.unlink()

    with subprocess.Popen(
        command(*words, "--trust-ledger-source"),
        cwd=erp,
        env=environment(MIGRATE_DATABASE_URL=target),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stderr.readline().startswith(b"target: ")
        process.stderr.close()
        document = process.stdout.read()

    assert process.returncode == 0
    assert json.loads(document)["outcome"] == "rolled back"
    assert not is_applied(database)


def on_terminal(folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Run `migrate` on a terminal; its exit code and what was shown."""
    ours, theirs = pty.openpty()
    shown: list[bytes] = []

    def read() -> None:
        while True:
            try:
                shown.append(os.read(ours, 65536))
            except OSError:  # the other side has closed: Linux says it so
                return
            if not shown[-1]:
                return

    reader = threading.Thread(target=read)
    reader.start()
    try:
        done = subprocess.run(
            command(*arguments),
            cwd=folder,
            env=environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            check=False,
            timeout=60,
        )
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    return done.returncode, b"".join(shown).decode()


def test_colour_is_shown_on_a_terminal_and_only_there(erp: Path, target: str) -> None:
    coloured = on_terminal(erp, "plan", TERM="xterm", MIGRATE_DATABASE_URL=target)
    assert coloured[0] == 0
    assert COLOUR.search(coloured[1])
    for unwanted in ({"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}):
        code, shown = on_terminal(erp, "plan", MIGRATE_DATABASE_URL=target, **unwanted)
        assert code == 0
        assert not COLOUR.search(shown)


@pytest.mark.parametrize("variables", [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}], ids=str)
def test_a_whole_run_obeys_no_color(
    erp: Path, database: DatabaseUrl, target: str, variables: dict[str, str]
) -> None:
    code, shown = on_terminal(erp, "all-modules", "--yes", MIGRATE_DATABASE_URL=target, **variables)
    assert code == 0, shown
    assert is_applied(database)
    assert not COLOUR.search(shown)
    assert "\x1b" not in shown or variables["TERM"] != "dumb"
