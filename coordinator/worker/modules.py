"""In the worker: one module's imports, its migration context, and what Alembic remembers for it."""

from __future__ import annotations

import contextlib
import copy
import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Optional

from alembic.config import Config
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

if TYPE_CHECKING:
    from coordinator.worker.dbapi import Link


class StepContext(MigrationContext):
    """Alembic's context, except that leaving the transaction is asked for and never done here."""

    link: Link

    @contextlib.contextmanager
    def autocommit_block(self) -> Iterator[None]:
        """Tell the coordinator where the block begins and ends; it ends the transaction, or refuses."""
        self.link.ask({"op": "autocommit", "enter": True})
        try:
            yield
        finally:  # as in Alembic: whoever catches a failure goes on inside a transaction
            self.link.ask({"op": "autocommit", "enter": False})


class LoadedModule:
    """A module of the project inside this worker."""

    def __init__(self, description: Dict[str, Any], engine: Any, link: Link) -> None:
        self.name = description["name"]
        self.schema = description["schema"]
        self._script = description["script"]
        self._ini = description.get("ini")
        self._import_paths: List[str] = description["import_paths"]
        self._convention = description.get("naming_convention")
        self._engine = engine
        self._link = link
        self._stash: Dict[str, Any] = {}
        self._connection: Optional[Any] = None
        self._context: Optional[StepContext] = None
        self._memos: Dict[str, Dict[Any, Any]] = {}
        self._options: Dict[str, Any] = {}

    def activate(self) -> None:
        """Put the module's folders on sys.path, and its own imports back."""
        sys.path[:0] = [path for path in self._import_paths if path not in sys.path]
        sys.modules.update(self._stash)

    def deactivate(self) -> None:
        """Take its folders off sys.path and its imports away: two modules may both have a package `models`."""
        for path in self._import_paths:
            if path in sys.path:
                sys.path.remove(path)
        roots = tuple(os.path.join(path, "") for path in self._import_paths)
        for name, loaded in list(sys.modules.items()):
            file = getattr(loaded, "__file__", None) or ""
            if file.startswith(roots) and "site-packages" not in file:
                self._stash[name] = sys.modules.pop(name)

    def read_environment(self) -> Dict[str, Any]:
        """Run env.py with a recording context; what it would configure is kept, nothing is run or connected."""
        if self._convention:
            package, _, name = self._convention.partition(":")
            self._options["target_metadata"] = getattr(importlib.import_module(package), name or "metadata")
        file = os.path.join(self._script, "env.py")
        if not os.path.isfile(file):
            return {"options": _learned(self._options)}
        with self._environment() as environment:
            environment.context_opts["as_sql"] = True
            recorded = _record(environment)
            load_file(file, "env_{}".format(self.name))
        recorded.pop("url", None)
        if self._convention:
            recorded.pop("target_metadata", None)
        self._options.update(
            {key: recorded[key] for key in ("target_metadata", "user_module_prefix") if key in recorded}
        )
        table = recorded.get("version_table")
        schema = recorded.get("version_table_schema")
        return {
            "version_table": str(table) if table else None,
            "version_table_schema": str(schema) if schema else None,
            "options": _learned(self._options),
        }

    @contextlib.contextmanager
    def _environment(self) -> Iterator[EnvironmentContext]:
        config = Config(self._ini) if self._ini else Config()
        config.set_main_option("script_location", self._script.replace("%", "%%"))
        with EnvironmentContext(config, ScriptDirectory(self._script)) as environment:
            yield environment

    def begin(self, token: str) -> StepContext:
        """The module's one context, with what Alembic remembers written down under `token`."""
        remembered = copy.deepcopy(self._context.impl.memo) if self._context is not None else {}
        self._memos[token] = remembered
        if self._context is None or self._connection is None or not self._connection.in_transaction():
            self._open(remembered)
        assert self._context is not None
        return self._context

    def restore(self, token: str) -> None:
        """Go back to what was remembered before the step `token`, because the database went back too.

        A worker that was started anew remembers no token, and nothing else either.
        """
        self._open(copy.deepcopy(self._memos.get(token, {})))

    def forget(self) -> None:
        """Remember nothing: the next step runs on another database."""
        self._memos.clear()
        self._context = None

    def _open(self, remembered: Dict[Any, Any]) -> None:
        self._connection = self._engine.connect()
        self._connection.begin()
        context = StepContext.configure(connection=self._connection, opts=dict(self._options))
        context.__class__ = StepContext  # `configure` of older Alembic versions always builds the base class
        context.link = self._link
        context.impl.memo.update(remembered)
        self._context = context

    def call(self, file: str, direction: str, loaded_well: Callable[[], None]) -> None:
        """Run one function of one revision file; `loaded_well` is told when the file itself was imported."""
        assert self._context is not None
        with self._environment() as environment, Operations.context(self._context):
            environment._migration_context = self._context
            loaded = load_file(file, "revision_{}_{}".format(self.name, os.path.basename(file)[:-3]))
            loaded_well()
            function = getattr(loaded, direction, None)
            if function is None:
                raise AttributeError("the revision has no {}() function".format(direction))
            function()


def load_file(file: str, name: str) -> Any:
    """Import one Python file under a name of our choosing."""
    specification = importlib.util.spec_from_file_location(name, file)
    assert specification is not None
    assert specification.loader is not None
    loaded = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded


def _record(environment: EnvironmentContext) -> Dict[str, Any]:
    """Make `context.configure` write down its arguments and the rest of env.py run into nothing."""
    recorded: Dict[str, Any] = {}

    def configure(*arguments: Any, **options: Any) -> None:
        recorded.update(options)

    environment.configure = configure
    environment.is_offline_mode = lambda: True
    environment.begin_transaction = contextlib.nullcontext
    environment.run_migrations = lambda **options: None
    environment.execute = lambda *arguments, **options: None
    environment.static_output = lambda text: None
    environment.get_x_argument = lambda as_dictionary=False: {} if as_dictionary else []
    _reinstall(environment)
    return recorded


def _learned(options: Dict[str, Any]) -> Dict[str, str]:
    """What shapes the names that come out, as text: the same options give the same text in every process."""
    learned: Dict[str, str] = {}
    metadata = options.get("target_metadata")
    for position, each in enumerate(metadata if isinstance(metadata, (list, tuple)) else [metadata]):
        for key, value in (getattr(each, "naming_convention", None) or {}).items():
            place = "naming_convention[{}]".format(position) if position else "naming_convention"
            name = key if isinstance(key, str) else getattr(key, "__name__", type(key).__name__)
            said = value if isinstance(value, str) else getattr(value, "__qualname__", type(value).__name__)
            learned["{}.{}".format(place, name)] = said
    if options.get("user_module_prefix"):
        learned["user_module_prefix"] = str(options["user_module_prefix"])
    return learned


def _reinstall(environment: EnvironmentContext) -> None:
    """`alembic.context` holds bound methods taken when the environment was entered: bind them again."""
    environment._remove_proxy()
    environment._install_proxy()
