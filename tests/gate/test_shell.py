"""The user's own commands: their environment, their end, and that nothing of them is left."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from coordinator.workflow.gate.output import Output
from coordinator.workflow.gate.secrets import HIDDEN, Secrets, without_targets
from coordinator.workflow.gate.shell import Ran, run_command

SECRET = "s3cr/t p@ss"


def run(text: str, tmp_path: Path, *, limit: float = 20.0, secrets: Secrets | None = None) -> Ran:
    return run_command(
        text,
        environment={"PATH": os.environ["PATH"]},
        directory=tmp_path,
        limit=limit,
        secrets=secrets or Secrets(),
    )


def is_gone(pid: int) -> bool:
    """Whether the process ends within a moment: it was killed, and the kernel may be busy."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_command_is_a_line_of_shell_in_the_projects_folder_without_input(tmp_path: Path) -> None:
    ran = run("pwd && echo to-err >&2; cat; exit 7", tmp_path)
    assert ran.exit_code == 7
    assert ran.output.splitlines() == [str(tmp_path), "to-err"]


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_has_started(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    text = f"trap '' TERM; sleep 300 & echo $! > {pids}; echo $$ >> {pids}; echo begun; wait"
    began = time.monotonic()
    ran = run(text, tmp_path, limit=0.5)
    assert ran.exit_code is None
    assert ran.output == "begun"
    assert time.monotonic() - began < 15
    for pid in pids.read_text().split():
        assert is_gone(int(pid))


def test_a_command_that_says_much_while_it_ends_comes_to_its_end(tmp_path: Path) -> None:
    text = (
        "trap 'head -c 300000 /dev/zero | tr \"\\0\" x; echo over; touch over; exit' TERM; sleep 300 & wait"
    )
    ran = run(text, tmp_path, limit=0.5)
    assert ran.exit_code is None
    assert ran.output.endswith("xover")
    assert (tmp_path / "over").exists()


def test_what_a_command_leaves_in_the_background_ends_with_it(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    began = time.monotonic()
    ran = run(f"sleep 300 & echo $! > {pids}; echo done", tmp_path)
    assert (ran.exit_code, ran.output) == (0, "done")
    assert time.monotonic() - began < 10
    assert is_gone(int(pids.read_text()))


def test_an_interruption_ends_the_command(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    timer = threading.Timer(0.7, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        run(f"echo $$ > {pids}; sleep 300", tmp_path)
    timer.join()
    assert is_gone(int(pids.read_text()))


def test_a_command_that_kills_itself_is_told_by_its_signal(tmp_path: Path) -> None:
    assert run("kill -9 $$", tmp_path).exit_code == -9


def test_long_output_keeps_its_beginning_and_its_end(tmp_path: Path) -> None:
    script = "for i in range(200_000): print('line', i)"
    ran = run(f'{sys.executable} -c "{script}"', tmp_path)
    assert ran.exit_code == 0
    assert ran.cut
    assert len(ran.output) < 70_000
    assert ran.output.startswith("line 0\n")
    assert ran.output.endswith("line 199999")
    assert "bytes are left out" in ran.output


def test_colours_and_control_characters_are_left_out(tmp_path: Path) -> None:
    ran = run(r"printf '\033[31mred\033[0m\a\n\033]0;title\007 10%%\r 50%%\rdone\n\0\377'", tmp_path)
    assert ran.output == "red\ndone\n\ufffd"


def test_a_title_without_an_end_takes_its_line_only_and_a_character_set_nothing(tmp_path: Path) -> None:
    ran = run(r"printf 'begun\033]0;title\nmore\n\033(B\033[mlast\033='", tmp_path)
    assert ran.output == "begun\nmore\nlast"


def test_a_secret_is_hidden_in_each_of_its_spellings(tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.add_url("postgresql://me:s3cr%2Ft%20p%40ss@db/erp")
    ran = run(f"echo '{SECRET}' s3cr%2Ft%20p%40ss s3cr/t%20p%40ss", tmp_path, secrets=secrets)
    assert ran.output == f"{HIDDEN} {HIDDEN} {HIDDEN}"
    ran = run("echo 's3cr%2Ft p%40ss' s3cr%2Ft+p%40ss", tmp_path, secrets=secrets)
    assert ran.output == f"{HIDDEN} {HIDDEN}"


def test_a_password_in_a_url_is_hidden_whichever_server_it_is_for(tmp_path: Path) -> None:
    ran = run("echo amqp://me:geheim@queue/x and redis://:geheim@cache", tmp_path)
    assert ran.output == f"amqp://me:{HIDDEN}@queue/x and redis://:{HIDDEN}@cache"


def test_a_password_that_is_not_utf_8_is_hidden_too(tmp_path: Path) -> None:
    secrets = Secrets()
    secrets.add("p\udcffw")  # as Python reads such a variable
    ran = run(r"printf 'p\377w p%%FFw'", tmp_path, secrets=secrets)
    assert ran.output == f"{HIDDEN} {HIDDEN}"


@pytest.mark.parametrize("shift", range(len(SECRET) + 1))
def test_a_secret_that_the_cut_divides_is_not_shown_in_part(shift: int) -> None:
    secrets = Secrets()
    secrets.add(SECRET)
    at_head, at_tail = Output(), Output()
    at_head.add(b"x" * (16_000 - shift) + SECRET.encode() + b"y" * 100_000)
    at_tail.add(b"x" * 100_000 + SECRET.encode() + b"y" * (48_000 - shift))
    for output in (at_head, at_tail):
        shown = output.text(secrets)
        assert output.cut
        rest = shown.replace("x", "").replace("y", "").replace(HIDDEN, "")
        rest = rest.partition("[… about")[0] + rest.partition("left out …]")[2]
        assert rest.strip() == ""


def test_no_variable_that_leads_to_a_target_is_passed_on() -> None:
    secrets = Secrets()
    secrets.add_url("postgresql://me:geheim@db/erp")
    ours = {
        "PATH": "/bin",
        "HOME": "/root",
        "POSTGRES_USER": "geheim",
        "MIGRATE_DATABASE_URL": "x",
        "MIGRATE_DATABASE_URL_FILE": "x",
        "DATABASE_URL": "x",
        "PGPASSWORD": "x",
        "PGSERVICEFILE": "x",
        "MIGRATE_ENV": "production",
        "MIGRATE_GATE_STAGE": "x",
        "ERP_URL": "x",
        "COPY_OF_IT": "postgresql+asyncpg://me:geheim@db/erp",
        "DB_PASSWORD": "geheim",
        "TOKEN": "other",
        "MIGRATE_CERTIFICATE_KEY": "x",
        "MIGRATE_CERTIFICATE_KEY_FILE": "x",
        "MIGRATE_CERTIFICATE_KEY_PASSPHRASE": "x",
        "MIGRATE_CERTIFICATE_KEYS": "public",
    }
    kept = without_targets(ours, {"ERP_URL"}, secrets)
    assert set(kept) == {"PATH", "HOME", "POSTGRES_USER", "TOKEN", "MIGRATE_CERTIFICATE_KEYS"}
