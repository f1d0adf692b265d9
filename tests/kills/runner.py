"""Runs `migrate` in processes that are forked from one that has imported everything, with its points watched.

`python -m tests.kills.runner` reads requests from its standard input and answers on its standard output, one JSON
document a line. Nothing of this is in the product: the watch sits on psycopg, on Python's audit events and on the
start of workers.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import signal
import sys
import time
from typing import Any, NoReturn

from tests.kills.strikes import strike_named
from tests.kills.watch import Watch
from tests.kills.workers import fork_workers


def import_everything() -> None:
    """All of the program, so that a fork imports nothing, and edits made meanwhile do not mix versions."""
    import coordinator

    for module in pkgutil.walk_packages(coordinator.__path__, "coordinator."):
        if module.name != "coordinator.__main__":
            importlib.import_module(module.name)
    for name in ("alembic", "alembic.op", "alembic.migration", "sqlalchemy.dialects.postgresql", "psycopg"):
        importlib.import_module(name)
    for name in ("postgast", "networkx", "rich.console", "rich.progress", "rich.table", "markdown_it"):
        importlib.import_module(name)


def command(request: dict[str, Any]) -> NoReturn:
    """Be `migrate`, in the forked process: ends with its exit code, or by the strike."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setpgid(0, 0)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.dont_write_bytecode = True
    sys.argv = ["migrate", *request["arguments"]]
    code = 70
    try:
        log = os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        _redirect(request)
        watch = Watch(log, request["at"], strike_named(request["how"], request))
        fork_workers(watch)
        watch.install()
        from coordinator.cli.main import main

        main()
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(bool(left.code))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _redirect(request: dict[str, Any]) -> None:
    for number, name in ((1, request["out"]), (2, request["err"])):
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    nothing = os.open("/dev/null", os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115 - as long as the process


def serve() -> None:
    """Answer "start" with a pid and "end" with how that process ended, until the pipe is closed."""
    for line in sys.stdin:
        request = json.loads(line)
        answer = {"pid": _start(request)} if request["do"] == "start" else {"code": _end(request)}
        print(json.dumps(answer), flush=True)


def _start(request: dict[str, Any]) -> int:
    pid = os.fork()
    if pid == 0:
        command(request)
    return pid


def _end(request: dict[str, Any]) -> int | None:
    """Exit code, or the negative number of the signal; None when it took too long and was killed."""
    deadline = time.monotonic() + request["patience"]
    while time.monotonic() < deadline:
        pid, status = os.waitpid(request["pid"], os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.005)
    os.killpg(request["pid"], signal.SIGKILL)
    os.waitpid(request["pid"], 0)
    return None


if __name__ == "__main__":
    import_everything()
    serve()
