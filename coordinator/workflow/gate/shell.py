"""Runs one of the user's commands: in a process group of its own, with a time limit, and nothing left of it afterwards."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.execution.interrupts import shielded
from coordinator.workflow.gate.output import Output

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.workflow.gate.secrets import Secrets

_LOOK_EVERY = 0.1  # seconds
_LAST_WORDS = 0.5  # how long after a command's end its output may still come, from others that hold the pipe
_GRACE = 5.0  # between asking a command to end and ending it


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """How a command ended; `exit_code` is negative for a signal, None when its time was over."""

    exit_code: int | None
    output: str
    cut: bool
    seconds: float


def run_command(
    text: str, *, environment: Mapping[str, str], directory: Path, limit: float, secrets: Secrets
) -> Ran:
    """Give the text to /bin/sh, as a line of a CI job would be. Raises UnreachableError when there is no shell.

    What it leaves running in the background ends with it. Whatever interrupts us ends it too.
    """
    began = time.monotonic()
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", text],
            cwd=directory,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except OSError as error:
        raise UnreachableError(f"/bin/sh cannot be started: {error.strerror}") from error
    output = Output()
    ended = False
    try:
        ended = _listen(process, output, began + limit)
    finally:
        with shielded():
            _end_group(process, output, at_once=ended)
    return Ran(
        exit_code=process.returncode if ended else None,
        output=output.text(secrets),
        cut=output.cut,
        seconds=time.monotonic() - began,
    )


def _listen(process: subprocess.Popen[bytes], output: Output, deadline: float) -> bool:
    """Take what it prints until it has ended; False when its time was over first."""
    assert process.stdout is not None
    descriptor = process.stdout.fileno()
    os.set_blocking(descriptor, False)
    with selectors.DefaultSelector() as selector:
        selector.register(descriptor, selectors.EVENT_READ)
        until, spoken_for, ended = deadline, True, False
        while time.monotonic() < until and (spoken_for or not ended):
            if not spoken_for:
                time.sleep(_LOOK_EVERY)
            elif selector.select(timeout=_LOOK_EVERY):
                spoken_for = _take(descriptor, output)
            if not ended and _has_ended(process):
                ended = True
                until = min(deadline, time.monotonic() + _LAST_WORDS)
    return ended or _has_ended(process)


def _take(descriptor: int, output: Output) -> bool:
    """Read what is there; False when nobody will write any more."""
    with suppress(BlockingIOError):
        data = os.read(descriptor, 65_536)
        output.add(data)
        return bool(data)
    return True


def _has_ended(process: subprocess.Popen[bytes]) -> bool:
    """Whether it is over. It is not reaped yet, so that its number still names its group and no other."""
    return os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _end_group(process: subprocess.Popen[bytes], output: Output, *, at_once: bool) -> None:
    """End whatever of the group still runs, then reap the command. Asked first, unless the command itself is over.

    While it ends it is still listened to: one that waits for a reader would not come to its end.
    """
    if not at_once:
        _signal_group(process, signal.SIGTERM)
        _listen(process, output, time.monotonic() + _GRACE)
    _signal_group(process, signal.SIGKILL)
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _signal_group(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):  # on macOS a group of the dead alone is refused
        os.killpg(process.pid, number)
