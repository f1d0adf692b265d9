"""In the worker: waits for requests, runs authors' code, and tells how it went."""

from __future__ import annotations

import ctypes
import os
import signal
import socket
import sys
import traceback
from typing import Any, Callable, Dict, Optional

from coordinator.worker import dbapi
from coordinator.worker.guard import Watch, watch_connections, watch_environment
from coordinator.worker.inputs import Inputs, watch_inputs
from coordinator.worker.protocol import Channel, ProtocolError, pack

HEADER_NAMES = (
    "revision",
    "down_revision",
    "depends_on",
    "branch_labels",
    "requires",
    "seen",
    "touches",
    "irreversible",
    "deletes_rows",
    "waive",
)


class Child:
    """The worker's side of the conversation."""

    def __init__(self, channel: Channel, watch: Watch, inputs: Inputs) -> None:
        from coordinator.worker.dialect import make_engine
        from coordinator.worker.modules import LoadedModule, load_file

        self._loaded_module = LoadedModule
        self._load_file = load_file
        self._channel = channel
        self._watch = watch
        self._inputs = inputs
        self._link = dbapi.Link(channel)
        self._engine = make_engine(dbapi.Connection(self._link))
        self._modules: Dict[str, Any] = {}
        self._active: Optional[Any] = None
        self._server_version = 0
        self._loading = (
            False  # the file of a revision is being imported: a failure is the file's, not a function's
        )

    def serve(self) -> None:
        """Answer requests until the coordinator is gone."""
        handlers: Dict[str, Callable[[Dict[str, Any]], Dict[str, Any]]] = {
            "module": self._open_module,
            "environment": self._environment,
            "header": self._header,
            "run": self._run,
            "restore": self._restore,
            "forget": self._forget,
        }
        while True:
            request = self._channel.read()
            if request is None:
                return
            self._watch.reset()
            self._loading = False
            self._link.asked = []
            self._link.file = request.get("file", "")
            try:
                reply = {"op": "done", **handlers[request["op"]](request)}
            except SystemExit as error:
                reply = self._failed(
                    "exit", "it called exit({})".format("" if error.code is None else error.code), error
                )
            except KeyboardInterrupt as error:
                reply = self._failed("exception", "KeyboardInterrupt", error)
            except BaseException as error:
                reply = self._failed("exception", "{}: {}".format(type(error).__name__, error), error)
            reply.update(withheld=self._watch.read, connections=self._watch.opened, asked=self._link.asked)
            if request["op"] == "run":
                reply.update(inputs=self._inputs.found(request["file"]))
            sys.stdout.flush()
            sys.stderr.flush()
            self._channel.write(reply)

    def _failed(self, kind: str, message: str, error: BaseException) -> Dict[str, Any]:
        line = 0
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == self._link.file:
                line = frame.lineno or 0
        if isinstance(error, SyntaxError) and error.filename == self._link.file:
            line = error.lineno or 0
        return {
            "op": "failed",
            "kind": "load" if self._loading else kind,
            "error": message[:4000],
            "error_line": line,
            "traceback": "".join(traceback.format_exception(type(error), error, error.__traceback__))[-8000:],
        }

    def _open_module(self, request: Dict[str, Any]) -> Dict[str, Any]:
        self._server_version = request["server_version"]
        self._modules[request["name"]] = self._loaded_module(request, self._engine, self._link)
        self._inputs.add_roots(request["roots"])
        return {}

    def _activate(self, request: Dict[str, Any]) -> Any:
        module = self._modules[request["module"]]
        if self._active is not module:
            if self._active is not None:
                self._active.deactivate()
            module.activate()
            self._active = module
        self._engine.dialect.describe(self._server_version, module.schema)
        return module

    def _environment(self, request: Dict[str, Any]) -> Dict[str, Any]:
        return dict(self._activate(request).read_environment())

    def _header(self, request: Dict[str, Any]) -> Dict[str, Any]:
        self._activate(request)
        loaded = self._load_file(request["file"], "header")
        return {
            "names": {name: pack(getattr(loaded, name)) for name in HEADER_NAMES if hasattr(loaded, name)}
        }

    def _run(self, request: Dict[str, Any]) -> Dict[str, Any]:
        module = self._activate(request)
        self._link.capturing = request["capture"]
        module.begin(request["token"])
        self._link.running = True
        self._loading = True
        try:
            module.call(request["file"], request["direction"], self._loaded_well)
        finally:
            self._link.running = False
        return {}

    def _loaded_well(self) -> None:
        self._loading = False

    def _restore(self, request: Dict[str, Any]) -> Dict[str, Any]:
        self._activate(request).restore(request["token"])
        return {}

    def _forget(self, request: Dict[str, Any]) -> Dict[str, Any]:
        for module in self._modules.values():
            module.forget()
        return {}


def _die_with_parent() -> None:
    """On Linux, end when the coordinator ends, even in the middle of authors' code."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def main(descriptor: int) -> None:
    """Serve on the inherited socket with that file descriptor."""
    _die_with_parent()
    pipe = socket.socket(fileno=descriptor)
    os.set_inheritable(descriptor, False)
    channel = Channel(pipe.recv, pipe.sendall)
    greeting = channel.read()
    if greeting is None:
        return
    watch = Watch(frozenset(greeting["withheld"]))
    inputs = Inputs()
    try:
        child = Child(channel, watch, inputs)
        import alembic
        import sqlalchemy
    except ImportError as error:
        channel.write(
            {"op": "failed", "error": "{} is needed by the worker ({})".format(error.name, sys.executable)}
        )
        return
    watch_environment(watch)
    watch_connections(watch)
    watch_inputs(inputs)
    channel.write(
        {
            "op": "ready",
            "python": sys.version.split()[0],
            "alembic": alembic.__version__,
            "sqlalchemy": sqlalchemy.__version__,
        }
    )
    try:
        child.serve()
    except (BrokenPipeError, ConnectionResetError, ProtocolError):
        return
