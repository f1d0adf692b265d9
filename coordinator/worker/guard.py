"""In the worker: sees what a revision reaches for besides the pipe. This is no sandbox; it is a watch."""

from __future__ import annotations

import importlib.abc
import os
import sys
from typing import Any, Callable, FrozenSet, List, Optional


class Watch:
    """What the running revision asked for and did not get."""

    def __init__(self, withheld: FrozenSet[str]) -> None:
        self.withheld = withheld  # names that the coordinator's own environment holds
        self.read: List[str] = []
        self.opened: List[str] = []

    def reset(self) -> None:
        self.read, self.opened = [], []

    def note_read(self, name: Any) -> None:
        wanted = isinstance(name, str) and (
            name in self.withheld or name.startswith("PG") or name in ("DATABASE_URL", "DATABASE_URL_FILE")
        )
        if wanted and name not in self.read:
            self.read.append(name)

    def refuse(self, what: str) -> None:
        """Note a connection and refuse it."""
        self.opened.append(what)
        raise ConnectionError(
            "a revision opens no connection of its own ({}); use op.get_bind()".format(what)
        )


def watch_environment(watch: Watch) -> None:
    """Make `os.environ` and `os.getenv` tell which withheld names were looked up."""
    base = type(os.environ)

    class Watched(base):  # type: ignore[misc, valid-type]  # os._Environ has no public name
        def __getitem__(self, key: Any) -> Any:
            try:
                return super().__getitem__(key)
            except KeyError:
                watch.note_read(key)
                raise

        def __contains__(self, key: Any) -> bool:
            found = super().__contains__(key)
            if not found:
                watch.note_read(key)
            return bool(found)

    os.environ.__class__ = Watched


def watch_connections(watch: Watch) -> None:
    """Refuse sockets to servers, and the connect functions of drivers that do not use Python's sockets."""

    def hook(event: str, arguments: Any) -> None:
        if event == "socket.connect":
            watch.refuse("socket to {}".format(arguments[1]))

    sys.addaudithook(hook)
    sys.meta_path.insert(0, _DriverFinder(watch))


class _DriverFinder(importlib.abc.MetaPathFinder):
    """psycopg and psycopg2 connect in C, where no audit event tells: their `connect` is replaced at import."""

    drivers = ("psycopg", "psycopg2")

    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def find_spec(self, name: str, path: Any, target: Any = None) -> Optional[Any]:
        if name not in self.drivers:
            return None
        for finder in sys.meta_path:
            found = None if finder is self else finder.find_spec(name, path, target)
            if found is not None and found.loader is not None:
                _replace_connect(found.loader, self._watch, name)
                return found
        return None


def _replace_connect(loader: Any, watch: Watch, name: str) -> None:
    run: Callable[[Any], None] = loader.exec_module

    def exec_module(module: Any) -> None:
        run(module)

        def connect(*arguments: Any, **options: Any) -> Any:
            watch.refuse("{}.connect".format(name))

        module.connect = connect
        for kind in ("Connection", "AsyncConnection"):
            if hasattr(getattr(module, kind, None), "connect"):
                getattr(module, kind).connect = staticmethod(connect)

    loader.exec_module = exec_module
