"""One worker for each interpreter, started when its first module is needed."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from coordinator.worker.process import Worker

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from coordinator.model.module import Module


class Workers:
    """The processes in which modules' revisions run; modules of one interpreter share one, and its imports."""

    def __init__(self, *, silence: float) -> None:
        self._silence = silence
        self._workers: dict[str | None, Worker] = {}
        self._stack = ExitStack()

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def for_module(self, module: Module, server_version: int) -> Worker:
        """The running worker of a module, with the module open in it.

        A worker that died or was ended is started again; what Alembic remembered in it is gone with it.
        Raises UsageError when the interpreter cannot run revisions, WorkerError when env.py fails.
        """
        worker = self._workers.get(module.interpreter)
        if worker is None:
            worker = self._stack.enter_context(Worker(module.interpreter, silence=self._silence))
            self._workers[module.interpreter] = worker
        worker.open_module(module, server_version)
        return worker

    def is_running(self, module: Module) -> bool:
        """Whether the module's worker was started already."""
        return module.interpreter in self._workers

    def read_environment(self, module: Module, server_version: int) -> Mapping[str, str | None]:
        """What the module's env.py would configure. Raises WorkerError when it does not run here."""
        return self.for_module(module, server_version).read_environment(module)

    def forget_all(self) -> None:
        """Make Alembic forget what it remembers of every module: another database comes next."""
        for worker in self._workers.values():
            worker.forget_all()
