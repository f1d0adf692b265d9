"""The entrypoint, run for real: it migrates and becomes the application, or says why it does not."""

from __future__ import annotations

import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.ci.image import ENTRYPOINT, Image, ended, write_program
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.failures.site import Ended

APPLICATION = ("sh", "-c", 'echo "application $$ $*"; exit 7', "sh", "two words", "*")
# Whatever of these is here: Debian's, the one of many servers, and Alpine's.
SHELLS = [
    pytest.param(words, id=words[0])
    for words in (("dash",), ("bash", "--posix"), ("busybox", "sh"))
    if shutil.which(words[0])
]


def add(image: Image, upgrade: str, *, downgrade: str = "SELECT 1") -> None:
    """One more revision of crm, of one statement each way."""
    write_revision(
        versions_of(image.root, "crm"),
        "c3",
        after="c2",
        upgrade=f"op.execute({upgrade!r})",
        downgrade=f"op.execute({downgrade!r})",
    )


def runs(image: Image) -> int:
    return int(image.value("SELECT count(*) FROM migrate.run"))


def assert_not_started(ended: Ended, code: int, words: str) -> None:
    assert ended.code == code, ended.err
    assert "application" not in ended.out
    assert words in ended.said
    assert "the application is not started" in ended.said


def test_it_migrates_and_the_application_takes_its_place(image: Image) -> None:
    process = image.start(*APPLICATION)
    first = ended(process)
    assert first.code == 7, first.err
    assert first.out == f"application {process.pid} two words *\n"
    assert "environment: production" in first.said
    assert image.value("SELECT count(*) FROM billing.phones") == 0

    second = image.run(*APPLICATION)
    assert second.code == 7, second.err
    assert "nothing to do" in second.said
    assert runs(image) == 1


def test_without_a_command_it_ends_when_everything_is_in(image: Image) -> None:
    done = image.run()
    assert (done.code, done.out) == (0, "")
    assert image.value("SELECT to_regclass('billing.phones') IS NOT NULL")


def test_all_replicas_at_once_start_and_one_of_them_migrates(image: Image) -> None:
    replicas = [image.start(*APPLICATION) for _ in range(3)]
    for each in replicas:
        done = ended(each)
        assert done.code == 7, done.err
        assert done.out.startswith(f"application {each.pid}")
    assert runs(image) == 1


def test_a_plan_that_fails_starts_nothing_and_is_not_run_again_by_a_restart(image: Image) -> None:
    assert image.run(*APPLICATION).code == 7
    image.execute("INSERT INTO crm.customers (id) VALUES (0)")
    add(image, "UPDATE crm.customers SET telefone2 = 1 / id")

    assert_not_started(
        image.run(*APPLICATION), 3, "migrate ended with 3 (a run has failed, and everything is as it was)"
    )
    assert_not_started(image.run(*APPLICATION), 3, "run 2 tried the same plan")
    assert runs(image) == 2


def test_a_revision_on_hold_starts_nothing(image: Image) -> None:
    add(image, "ALTER TABLE crm.customers ADD fax text", downgrade="ALTER TABLE crm.customers DROP fax")
    assert image.run(*APPLICATION).code == 7
    back = image.command(
        ["migrate", "rollback", "crm", "--to", "c2", "--yes"],
        {"MIGRATE_ENV": "production", "MIGRATE_DATABASE_URL_FILE": str(image.programs.parent / "secret-0")},
    )
    assert ended(back).code == 0

    refused = image.run(*APPLICATION)
    assert_not_started(refused, 1, "migrate ended with 1 (the answer is no, and nothing was changed)")
    assert "crm:c3 is on hold" in refused.said


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "MIGRATE_DATABASE_URL, which is not set or empty"),
        ({"MIGRATE_DATABASE_URL": ""}, "MIGRATE_DATABASE_URL is set and empty"),
        ({"MIGRATE_DATABASE_URL_FILE": "/run/secrets/nowhere"}, "/run/secrets/nowhere, which cannot be read"),
        ({"DATABASE_URL": "embedded:"}, "MIGRATE_DATABASE_URL, which is not set or empty"),
    ],
    ids=["no variable", "an empty one", "no such file", "the application's own"],
)
def test_a_missing_secret_starts_nothing(image: Image, variables: dict[str, str], words: str) -> None:
    done = ended(image.command(["sh", str(ENTRYPOINT), *APPLICATION], variables))
    assert_not_started(done, 2, words)
    assert "(the address, the settings or a file is not right)" in done.said


def test_a_server_that_is_not_there_is_tried_again(image: Image) -> None:
    nowhere = {"MIGRATE_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/erp", "MIGRATE_WAIT_SERVER": "0s"}
    done = ended(image.command(["sh", str(ENTRYPOINT), *APPLICATION], {**nowhere, "MIGRATE_TRIES": "2"}))
    assert_not_started(done, 6, "try 2 of 2 in 1 s")
    assert done.said.count("migrate ended with 6 (something cannot be reached, and nothing was touched)") == 2


def wait_until(image: Image, sql: str) -> None:
    deadline = time.monotonic() + 60
    while not image.value(sql):
        assert time.monotonic() < deadline, f"never true: {sql}"
        time.sleep(0.05)


def test_sigterm_while_it_migrates_takes_everything_back(image: Image) -> None:
    assert image.run().code == 0
    add(image, "ALTER TABLE crm.customers ADD fax text; SELECT pg_sleep(300)")
    process = image.start(*APPLICATION)
    wait_until(
        image,
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active'"
        " AND query LIKE '%pg_sleep(300)' AND pid <> pg_backend_pid()",
    )
    process.send_signal(signal.SIGTERM)
    stopped = ended(process)
    assert_not_started(stopped, 3, "stopped by SIGTERM")
    assert image.value("SELECT count(*) FROM information_schema.columns WHERE column_name = 'fax'") == 0


def test_the_application_gets_the_signals_itself(image: Image) -> None:
    process = image.start(
        "sh", "-c", "trap 'echo told to stop; exit 5' TERM; echo ready; while :; do sleep 0.1; done"
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    stopped = ended(process)
    assert (stopped.code, stopped.out) == (5, "told to stop\n")


def test_a_replica_without_rights_waits_for_the_one_that_migrates(image: Image) -> None:
    waiting = image.start(*APPLICATION, MIGRATE_START="wait", MIGRATE_WAIT="60s")
    time.sleep(0.5)
    assert waiting.poll() is None
    assert image.run().code == 0
    done = ended(waiting)
    assert done.code == 7, done.err

    add(image, "SELECT 1")
    late = image.run(*APPLICATION, MIGRATE_START="wait", MIGRATE_WAIT="1s")
    assert_not_started(late, 1, "(the revisions of this image are not in yet)")


# What follows is about the script alone, so another program stands in for migrate.


@pytest.fixture
def alone(tmp_path: Path) -> Image:
    """Programs without a target: `migrate` ends with the codes in `codes`, one a start, and notes its arguments."""
    write_program(
        tmp_path / "bin" / "migrate",
        'echo "$*" >>"$NOTES/starts"\n'
        'echo "$MIGRATE_ENV" >>"$NOTES/environments"\n'
        'code=$(head -n 1 "$NOTES/codes") && sed -i 1d "$NOTES/codes"\n'
        'case $code in *s) trap "echo told; exit ${code%s}" TERM; echo begun; sleep 60 >/dev/null 2>&1 & wait; exit 99 ;; esac\n'
        'exit "${code:-0}"',
    )
    write_program(
        tmp_path / "bin" / "sleep",
        'case $1 in 60) exec /bin/sleep 60 ;; *) echo "$1" >>"$NOTES/pauses" ;; esac',
    )
    return Image(root=tmp_path, url=None, programs=tmp_path / "bin")  # type: ignore[arg-type]  # it has no target


def start_alone(alone: Image, codes: str, shell: tuple[str, ...], **variables: str) -> subprocess.Popen[str]:
    (alone.root / "codes").write_text("\n".join([*codes.split(), ""]), encoding="utf-8")
    return alone.command([*shell, str(ENTRYPOINT), *APPLICATION], {"NOTES": str(alone.root), **variables})


def noted(alone: Image, what: str) -> list[str]:
    file = alone.root / what
    return file.read_text(encoding="utf-8").splitlines() if file.exists() else []


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("codes", "ends", "starts"),
    [
        ("0", 7, 1),
        ("5 0", 7, 2),
        ("6 6 0", 7, 3),
        ("6 5 6 5 6", 6, 5),
        ("5 5 5 5 5", 5, 5),
        ("6 3", 3, 2),
        ("1", 1, 1),
        ("2", 2, 1),
        ("3", 3, 1),
        ("4", 4, 1),
        ("99", 99, 1),
    ],
)
def test_each_exit_code_is_answered(
    alone: Image, shell: tuple[str, ...], codes: str, ends: int, starts: int
) -> None:
    done = ended(start_alone(alone, codes, shell))
    assert done.code == ends, done.err
    assert done.out.startswith("application") == (ends == 7)
    assert noted(alone, "starts") == ["all-modules --yes --wait 10m --wait-server 60s"] * starts
    assert set(noted(alone, "environments")) == {"production"}
    assert noted(alone, "pauses") == ["1", "2", "4", "8"][: starts - 1]


def test_the_pauses_grow_to_half_a_minute_and_the_last_code_is_the_answer(alone: Image) -> None:
    done = ended(start_alone(alone, "6 " * 8, ("sh",), MIGRATE_TRIES="8"))
    assert done.code == 6
    assert noted(alone, "pauses") == ["1", "2", "4", "8", "16", "30", "30"]


def test_a_no_is_tried_again_only_where_the_image_asks_for_it(alone: Image) -> None:
    assert ended(start_alone(alone, "1 1 0", ("sh",), MIGRATE_RETRY="1 5 6")).code == 7
    assert len(noted(alone, "starts")) == 3


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"MIGRATE_RETRY": "3"}, "MIGRATE_RETRY is '3'; wanted: some of 1, 5 and 6"),
        ({"MIGRATE_RETRY": "5 4"}, "MIGRATE_RETRY is '5 4'; wanted: some of 1, 5 and 6"),
        ({"MIGRATE_RETRY": "5,6"}, "MIGRATE_RETRY is '5,6'"),
        ({"MIGRATE_TRIES": "many"}, "MIGRATE_TRIES and MIGRATE_LINGER are whole numbers"),
        ({"MIGRATE_LINGER": "-1"}, "MIGRATE_TRIES and MIGRATE_LINGER are whole numbers"),
        ({"MIGRATE_START": "maybe"}, "MIGRATE_START is 'maybe'; wanted: apply or wait"),
    ],
)
def test_a_variable_that_cannot_be_meant_is_told(alone: Image, variables: dict[str, str], words: str) -> None:
    done = ended(start_alone(alone, "0", ("sh",), **variables))
    assert done.code == 2
    assert words in done.err
    assert noted(alone, "starts") == []


def test_the_variables_become_arguments(alone: Image) -> None:
    done = ended(
        start_alone(
            alone,
            "0",
            ("sh",),
            MIGRATE_ENV="qa",
            MIGRATE_WAIT="1h",
            MIGRATE_WAIT_SERVER="5m",
        )
    )
    assert done.code == 7
    assert noted(alone, "starts") == ["all-modules --yes --wait 1h --wait-server 5m"]
    assert noted(alone, "environments") == ["qa"]


def test_it_stays_a_while_before_it_ends_where_that_is_asked_for(alone: Image) -> None:
    done = ended(start_alone(alone, "4", ("sh",), MIGRATE_LINGER="45"))
    assert done.code == 4
    assert noted(alone, "pauses") == ["45"]


@pytest.fixture
def hangup() -> Iterator[None]:
    """SIGHUP as usual: started with `nohup`, we ignore it, and no shell below us could trap what it found ignored."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("hangup")
@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize(
    ("number", "codes", "ends"),
    [
        (signal.SIGTERM, "130s", 143),
        (signal.SIGINT, "130s", 130),
        (signal.SIGHUP, "130s", 129),
        (signal.SIGTERM, "0s", 143),
        (signal.SIGTERM, "3s", 3),
        (signal.SIGTERM, "4s", 4),
        (signal.SIGTERM, "6s", 143),
    ],
)
def test_a_signal_reaches_migrate_and_nothing_starts_after_it(
    alone: Image, shell: tuple[str, ...], number: signal.Signals, codes: str, ends: int
) -> None:
    process = start_alone(alone, codes, shell)
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    done = ended(process)
    assert (done.code, done.out) == (ends, "told\n"), done.err
    assert f"stopped by {number.name}; the application is not started" in done.err
    assert len(noted(alone, "starts")) == 1


def test_a_signal_in_a_pause_ends_it(alone: Image) -> None:
    write_program(alone.programs / "sleep", "echo pausing; exec /bin/sleep 60 >/dev/null 2>&1")
    process = start_alone(alone, "6 6", ("sh",))
    assert process.stdout is not None
    assert process.stdout.readline() == "pausing\n"
    begun = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert ended(process).code == 143
    assert time.monotonic() - begun < 20
    assert len(noted(alone, "starts")) == 1


def test_without_the_program_it_says_so(alone: Image) -> None:
    (alone.programs / "migrate").unlink()
    done = ended(alone.command(["/bin/sh", str(ENTRYPOINT), *APPLICATION], {"PATH": "/usr/bin:/bin"}))
    assert done.code == 127
    assert "migrate ended with 127 (there is no program migrate)" in done.err
