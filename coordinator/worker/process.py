"""The coordinator's side of a worker: starting it, talking to it, and what its silence means."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from coordinator.errors import CoordinatorError, UsageError
from coordinator.worker.protocol import Channel, ProtocolError, pack, unpack
from coordinator.worker.scratch import Scratch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from coordinator.model.capture import Direction
    from coordinator.model.module import Module
    from coordinator.model.revision import Revision

# What authors' code may see of our environment. A password, a token or a URL is never among it.
PASSED = (
    "PATH",
    "LANG",
    "LANGUAGE",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "SYSTEMROOT",
    "PYTHONDONTWRITEBYTECODE",
)
PASSED_PREFIXES = ("LC_",)

_ENDS_WITHIN = 2.0  # seconds from the end of the pipe to the end of the process

# `coordinator` is given to the child as an empty package over our folder: only coordinator.worker can be imported
# there, and nothing of our own environment's packages comes along into the other interpreter.
_BOOT = """
import sys, types
package = types.ModuleType("coordinator")
package.__path__ = [sys.argv[1]]
sys.modules["coordinator"] = package
from coordinator.worker.child import main
main(int(sys.argv[2]))
"""


class WorkerError(CoordinatorError):
    """Authors' code did not end as it should: `kind` says how (load, exception, exit, died, hung)."""

    def __init__(self, message: str, *, kind: str, line: int = 0, traceback: str = "") -> None:
        super().__init__(message)
        self.kind = kind
        self.line = line
        self.traceback = traceback
        self.killed = False  # somebody ended its process with SIGKILL, as a host does that is short of memory
        self.withheld: tuple[str, ...] = ()
        self.connections: tuple[str, ...] = ()
        self.asked: tuple[int, ...] = ()
        self.inputs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """The answer to one statement that a revision sent."""

    columns: tuple[tuple[str, int], ...] | None = None
    rows: tuple[tuple[Any, ...], ...] = ()
    rowcount: int = -1


class StatementRefusedError(CoordinatorError):
    """The conduit will not carry this statement; the author's code sees it as a database error."""

    sqlstate: str | None = None


class Conduit(Protocol):
    """Who stands behind the pipe: a session on a database, or a recorder."""

    def execute(self, sql: str, parameters: Sequence[Any], line: int) -> Reply:
        """Carry one statement, once for each parameter set. Raises a CoordinatorError that the author's code sees."""
        ...

    def autocommit(self, *, enter: bool, line: int) -> None:
        """The revision enters or leaves a block that must not be in a transaction."""
        ...

    def end(self, how: str, line: int) -> None:
        """The revision tries to end the transaction. Always raises."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class RunReport:
    """What a revision did besides sending statements. `inputs` are absolute paths, see `worker/inputs.py`."""

    withheld: tuple[str, ...] = ()
    connections: tuple[str, ...] = ()
    asked: tuple[int, ...] = ()
    output: str = ""
    inputs: tuple[str, ...] = ()


class Worker:
    """A process of one interpreter in which revisions run. It holds no connection, no DSN and no password."""

    def __init__(self, interpreter: str | None = None, *, silence: float = 120.0) -> None:
        self._interpreter = interpreter or sys.executable
        self._silence = silence
        self._scratch: Scratch | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: Channel | None = None
        self._socket: socket.socket | None = None
        self._modules: set[str] = set()
        # Modules whose env.py was read, by this process or an earlier one.
        self._environments: set[str] = set()
        self.versions: Mapping[str, str] = {}
        self.options: dict[str, Mapping[str, str]] = {}  # module -> what its env.py was seen to configure

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start the process and wait until it is ready. Raises UsageError when it cannot start."""
        if self._process is not None:
            if self._process.poll() is None:
                return
            self.stop()  # it died while nobody was talking to it
        ours, theirs = socket.socketpair()
        self._scratch = Scratch()
        scratch = self._scratch.path
        environment, withheld = _environment(os.environ, scratch)
        package = Path(__file__).resolve().parent.parent
        try:
            with (scratch / "output").open("wb") as output:
                self._process = subprocess.Popen(
                    [self._interpreter, "-c", _BOOT, str(package), str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    pass_fds=(theirs.fileno(),),
                    env=environment,
                    cwd=scratch,
                    start_new_session=True,  # a Ctrl-C is ours to handle, not theirs
                )
        except OSError as error:
            ours.close()
            self.stop()
            raise UsageError(
                f"the interpreter {self._interpreter!r} cannot be started: {error.strerror}",
                help="name an existing Python in `interpreter`",
            ) from error
        finally:
            theirs.close()
        self._socket = ours
        self._channel = Channel(self._receive, ours.sendall)
        self._channel.write({"withheld": sorted(withheld)})
        ready = self._read("it was starting")
        if ready.get("op") != "ready":
            self.stop()
            raise UsageError(
                f"the interpreter {self._interpreter!r} cannot run revisions: {ready.get('error')}",
                help="install alembic and sqlalchemy into it",
            )
        self.versions = {name: str(ready[name]) for name in ("python", "alembic", "sqlalchemy")}

    def stop(self) -> None:
        """End the process, whatever it is doing, and whatever it has started."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        if self._process is not None:
            with suppress(ProcessLookupError):  # it leads a process group of its own, unless it has ended
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None
        if self._scratch is not None:
            self._scratch.remove()
            self._scratch = None
        self._channel = None
        self._modules.clear()

    def open_module(self, module: Module, server_version: int) -> None:
        """Make a module known to the process, once."""
        self.start()
        if module.name in self._modules:
            return
        ini = next(
            (
                each
                for each in (module.path / "alembic.ini", module.path.parent / "alembic.ini")
                if each.is_file()
            ),
            None,
        )
        self._ask(
            {
                "op": "module",
                "name": module.name,
                "schema": module.schema,
                "script": str(module.path),
                "ini": None if ini is None else str(ini),
                "import_paths": [str(path) for path in module.import_paths],
                "roots": [str(path) for path in (module.path, module.path.parent, *module.import_paths)],
                "naming_convention": module.naming_convention,
                "server_version": server_version,
            },
            None,
        )
        self._modules.add(module.name)
        if module.name in self._environments:
            # A process that was started anew must know the naming convention too, or names would come out otherwise.
            self.read_environment(module)

    def read_environment(self, module: Module) -> Mapping[str, str | None]:
        """What the module's env.py would configure. Raises WorkerError when env.py does not run."""
        reply = self._ask(
            {"op": "environment", "module": module.name, "file": str(module.path / "env.py")}, None
        )
        self._environments.add(module.name)
        self.options[module.name] = {
            str(name): str(value) for name, value in reply.get("options", {}).items()
        }
        return {name: reply.get(name) for name in ("version_table", "version_table_schema")}

    def header(self, module: Module, file: Path) -> Mapping[str, object]:
        """The module-level names of a revision file that computes them. Raises WorkerError when it does not run."""
        reply = self._ask({"op": "header", "module": module.name, "file": str(file)}, None)
        return {name: unpack(value) for name, value in reply["names"].items()}

    def run(
        self,
        module: Module,
        revision: Revision,
        direction: Direction,
        conduit: Conduit,
        *,
        token: str,
        capture: bool = False,
    ) -> RunReport:
        """Run one function of one revision, its statements carried by `conduit`.

        `token` names the state of Alembic's memory before it, for `restore`. Raises WorkerError when the author's
        code raises, exits, dies or falls silent for longer than the worker's limit.
        """
        reply = self._ask(
            {
                "op": "run",
                "module": module.name,
                "file": revision.place.file,
                "direction": direction.value,
                "capture": capture,
                "token": token,
            },
            conduit,
        )
        return RunReport(
            withheld=tuple(reply["withheld"]),
            connections=tuple(reply["connections"]),
            asked=tuple(reply["asked"]),
            output=self._output(),
            inputs=tuple(reply["inputs"]),
        )

    def restore(self, module: Module, token: str) -> None:
        """Bring Alembic's memory back to what it was before the run with that token."""
        self._ask({"op": "restore", "module": module.name, "token": token}, None)

    def forget_all(self) -> None:
        """Make Alembic forget what it did in every module. A process that is not running remembers nothing."""
        if self._channel is not None:
            self._ask({"op": "forget"}, None)

    def _ask(self, request: dict[str, Any], conduit: Conduit | None) -> dict[str, Any]:
        if self._channel is None:
            raise WorkerError("the worker is not running", kind="died")
        doing = f"{request.get('direction', request['op'])}() was running"
        try:
            self._write(request, doing)
            while (message := self._read(doing))["op"] not in ("done", "failed"):
                self._write(_answer(message, conduit), doing)
        except BaseException:
            # Ctrl-C, or a mistake of ours: the function still runs there, and the next answer that the pipe brings
            # would be taken for the answer to another question.
            self.stop()
            raise
        if message["op"] == "failed":
            raise _failure(message)
        return message

    def _write(self, message: dict[str, Any], doing: str) -> None:
        assert self._channel is not None
        try:
            self._channel.write(message)
        except ProtocolError as error:  # too long; nothing of it was sent
            self._channel.write({"ok": False, "error": str(error)})
        except OSError:
            raise self._ended(doing) from None

    def _ended(self, doing: str) -> WorkerError:
        """What to say of a process that is gone."""
        assert self._process is not None
        try:
            code = self._process.wait(_ENDS_WITHIN)
            killed = code == -signal.SIGKILL
        except subprocess.TimeoutExpired:  # it closed the pipe and lives on
            self._process.kill()
            code, killed = self._process.wait(), False
        output = self._output()
        self.stop()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        error = WorkerError(
            f"the worker's process ended ({how}) while {doing}", kind="died", traceback=output
        )
        error.killed = killed
        return error

    def _read(self, doing: str) -> dict[str, Any]:
        assert self._channel is not None
        try:
            message = self._channel.read()
        except TimeoutError as error:
            self.stop()
            raise WorkerError(
                f"it said nothing for {self._silence:g} s while {doing}, and was ended", kind="hung"
            ) from error
        except ConnectionResetError:  # what we had sent last was never read
            raise self._ended(doing) from None
        except (ProtocolError, ValueError) as error:
            output = self._output()
            self.stop()
            raise WorkerError(
                f"the worker broke off while {doing}: {error}", kind="died", traceback=output
            ) from error
        if message is None:
            raise self._ended(doing)
        return message

    def _receive(self, count: int) -> bytes:
        assert self._socket is not None
        readable, _, _ = select.select([self._socket], [], [], self._silence)
        if not readable:
            raise TimeoutError
        return self._socket.recv(count)

    def _output(self) -> str:
        """The end of what the revisions printed."""
        if self._scratch is None:
            return ""
        with (self._scratch.path / "output").open("rb") as output:
            output.seek(0, os.SEEK_END)
            output.seek(max(0, output.tell() - 4000))
            return output.read().decode("utf-8", "replace")


def _environment(ours: Mapping[str, str], scratch: Path) -> tuple[dict[str, str], frozenset[str]]:
    """The child's environment, and the names of ours that it does not get."""
    passed = {
        name: value for name, value in ours.items() if name in PASSED or name.startswith(PASSED_PREFIXES)
    }
    withheld = frozenset(ours) - frozenset(passed) - {"HOME", "TMPDIR"}
    return {**passed, "HOME": str(scratch), "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"}, withheld


def _answer(message: dict[str, Any], conduit: Conduit | None) -> dict[str, Any]:
    """Carry one request of the running revision and say what came of it."""
    line = int(message.get("line", 0))
    if conduit is None:
        return {"ok": False, "error": "the database is not there while a file is only being read"}
    try:
        if message["op"] == "autocommit":
            conduit.autocommit(enter=bool(message["enter"]), line=line)
            return {"ok": True}
        if message["op"] == "end":
            conduit.end(str(message["how"]), line)
            return {"ok": True}
        parameters = [unpack(each) for each in message["parameters"]]
        reply = conduit.execute(str(message["sql"]), parameters, line)
        return {
            "ok": True,
            "columns": None if reply.columns is None else [list(column) for column in reply.columns],
            "rows": [[pack(value) for value in row] for row in reply.rows],
            "rowcount": reply.rowcount,
        }
    except (CoordinatorError, ProtocolError) as error:
        return {"ok": False, "error": str(error), "sqlstate": getattr(error, "sqlstate", None)}


def _failure(message: dict[str, Any]) -> WorkerError:
    error = WorkerError(
        str(message["error"]),
        kind=str(message["kind"]),
        line=int(message["error_line"]),
        traceback=str(message["traceback"]),
    )
    error.withheld = tuple(message["withheld"])
    error.connections = tuple(message["connections"])
    error.asked = tuple(message["asked"])
    error.inputs = tuple(message.get("inputs", ()))
    return error
