"""A worker that was cut off in the middle, or died unseen, is started anew and knows what it must know."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.model.capture import Direction
from coordinator.model.module import Module
from coordinator.revisions.reader import read_tree
from coordinator.worker.process import Reply, Worker, WorkerError
from tests.trees import write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SERVER = 150000


class Recording:
    """Answers every statement and remembers it; the first one may be interrupted instead."""

    def __init__(self, *, interrupted: bool = False) -> None:
        self.sent: list[str] = []
        self._interrupted = interrupted

    def execute(self, sql: str, parameters: Sequence[Any], line: int) -> Reply:
        if self._interrupted:
            raise KeyboardInterrupt
        self.sent.append(sql.strip())
        return Reply(rowcount=0)

    def autocommit(self, *, enter: bool, line: int) -> None:
        raise NotImplementedError

    def end(self, how: str, line: int) -> None:
        raise NotImplementedError


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(silence=10) as started:
        yield started


@pytest.fixture
def module(tmp_path: Path) -> Module:
    folder = tmp_path / "crm" / "migrations"
    (folder / "versions").mkdir(parents=True)
    return Module(name="crm", path=folder, schemas=("crm",))


def run(worker: Worker, module: Module, conduit: Recording) -> list[str]:
    (revision,) = read_tree(module).revisions
    worker.open_module(module, SERVER)
    worker.run(module, revision, Direction.UPGRADE, conduit, token="before")
    return conduit.sent


def test_after_an_interrupt_the_next_question_gets_its_own_answer(worker: Worker, module: Module) -> None:
    write_revision(module.path, "a1", upgrade='op.execute("SELECT 1")\nop.execute("SELECT 2")')
    with pytest.raises(KeyboardInterrupt):
        run(worker, module, Recording(interrupted=True))
    assert run(worker, module, Recording()) == ["SELECT 1", "SELECT 2"]


def test_a_process_that_died_between_two_questions_is_started_again(worker: Worker, module: Module) -> None:
    write_revision(module.path, "a1", upgrade='op.execute("SELECT 1")')
    worker.open_module(module, SERVER)
    first = worker.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    assert run(worker, module, Recording()) == ["SELECT 1"]


def test_a_process_that_is_killed_before_it_reads_an_answer_is_told_as_killed(
    worker: Worker, module: Module
) -> None:
    class Killing(Recording):
        """Holds the process before the answer goes out, and kills it once the answer waits there unread."""

        def execute(self, sql: str, parameters: Sequence[Any], line: int) -> Reply:
            assert worker.pid is not None
            os.kill(worker.pid, signal.SIGSTOP)
            threading.Timer(0.5, os.kill, (worker.pid, signal.SIGKILL)).start()
            return super().execute(sql, parameters, line)

    write_revision(module.path, "a1", upgrade='op.execute("SELECT 1")')
    with pytest.raises(WorkerError, match=r"ended \(signal 9\) while upgrade") as caught:
        run(worker, module, Killing())
    assert caught.value.killed


def test_a_process_started_again_keeps_the_naming_convention_of_env_py(
    worker: Worker, module: Module
) -> None:
    (module.path / "env.py").write_text(
        "from alembic import context\nimport sqlalchemy as sa\n"
        "metadata = sa.MetaData(naming_convention={'uq': 'uq_%(table_name)s'})\n"
        "context.configure(url='x', target_metadata=metadata)\n"
    )
    write_revision(module.path, "a1", upgrade="op.create_unique_constraint(None, 't', ['a'])")
    worker.open_module(module, SERVER)
    worker.read_environment(module)
    worker.stop()
    assert run(worker, module, Recording()) == ["ALTER TABLE t ADD CONSTRAINT uq_t UNIQUE (a)"]
