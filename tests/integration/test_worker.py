"""Authors' code in a process of its own: what it sends, what it may not, and how its end is told."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.errors import UsageError
from coordinator.model.capture import Capture, Direction
from coordinator.model.module import Module
from coordinator.revisions.capture import capture
from coordinator.revisions.reader import read_tree
from coordinator.worker.process import Reply, StatementRefusedError, Worker, WorkerError
from tests.trees import write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.revision import Revision

SERVER = 150000


@dataclass
class Answering:
    """A conduit that remembers what was sent and answers with the given rows."""

    rows: tuple[tuple[Any, ...], ...] = ()
    sent: list[tuple[str, int]] = field(default_factory=list)

    def execute(self, sql: str, parameters: Sequence[Any], line: int) -> Reply:
        self.sent.append((sql.strip(), line))
        columns = (
            tuple((f"column{number}", 25) for number, _ in enumerate(self.rows[0])) if self.rows else None
        )
        return Reply(columns=columns, rows=self.rows, rowcount=len(self.rows))

    def autocommit(self, *, enter: bool, line: int) -> None:
        self.sent.append(("enter" if enter else "leave", line))

    def end(self, how: str, line: int) -> None:
        raise StatementRefusedError(f"refused: {how}")


@pytest.fixture
def module(tmp_path: Path) -> Module:
    folder = tmp_path / "crm" / "migrations"
    (folder / "versions").mkdir(parents=True)
    return Module(name="crm", path=folder, schemas=("crm",), import_paths=(tmp_path / "crm",))


@pytest.fixture
def worker() -> Iterator[Worker]:
    with Worker(silence=10) as started:
        yield started


def written(module: Module, upgrade: str, **names: Any) -> Revision:
    write_revision(module.path, "a1", upgrade=upgrade, downgrade="op.drop_table('t')", **names)
    (revision,) = read_tree(module).revisions
    return revision


def run(
    worker: Worker, module: Module, upgrade: str, conduit: Answering | None = None, **names: Any
) -> Answering:
    answering = conduit or Answering()
    revision = written(module, upgrade, **names)
    worker.open_module(module, SERVER)
    worker.run(module, revision, Direction.UPGRADE, answering, token="before")
    return answering


def captured(worker: Worker, module: Module, upgrade: str, **names: Any) -> Capture:
    revision = written(module, upgrade, **names)
    worker.open_module(module, SERVER)
    return capture(worker, module, revision, Direction.UPGRADE)


def test_each_statement_comes_with_the_line_that_sent_it(worker: Worker, module: Module) -> None:
    answering = run(worker, module, "op.execute('SELECT 1')\nfor n in (2, 3):\n    op.execute(f'SELECT {n}')")
    lines = module.versions.joinpath("a1.py").read_text().splitlines()
    assert [sql for sql, _ in answering.sent] == ["SELECT 1", "SELECT 2", "SELECT 3"]
    assert [lines[line - 1].strip() for _, line in answering.sent] == [
        "op.execute('SELECT 1')",
        "op.execute(f'SELECT {n}')",
        "op.execute(f'SELECT {n}')",
    ]


def test_rows_reach_the_revision_as_python_values(worker: Worker, module: Module) -> None:
    answering = run(
        worker,
        module,
        "for name, data in op.get_bind().execute(sa.text('SELECT name, data FROM t')):\n"
        "    op.execute(f\"-- {name} {data['a'] + 1}\")",
        Answering(rows=(("x", {"a": 41}),)),
    )
    assert answering.sent[-1][0] == "-- x 42"


def test_alembic_and_sqlalchemy_write_what_they_always_write(worker: Worker, module: Module) -> None:
    found = captured(
        worker,
        module,
        "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('j', sa.JSON))\n"
        "op.bulk_insert(sa.table('t', sa.column('id'), sa.column('j', sa.JSON)), [{'id': 1, 'j': {'a': \"it's\"}}])\n"
        "op.execute(\"UPDATE t SET id = 2 WHERE 'a%' LIKE 'a%'\")",
    )
    assert found.unknown == ()
    assert [each.sql.split("(")[0].strip() for each in found.statements][:2] == [
        "CREATE TABLE t",
        "INSERT INTO t",
    ]
    assert """VALUES (1, '{"a": "it''s"}')""" in found.statements[1].sql
    assert found.statements[2].sql == "UPDATE t SET id = 2 WHERE 'a%' LIKE 'a%'"


def test_a_revision_that_asks_the_database_is_marked_and_goes_on(worker: Worker, module: Module) -> None:
    found = captured(
        worker,
        module,
        "if not sa.inspect(op.get_bind()).has_table('t'):\n    op.execute('CREATE TABLE t ()')",
    )
    assert found.statements[-1].sql == "CREATE TABLE t ()"
    assert found.unknown == ("it asks the database at line 11",)


def test_an_autocommit_block_is_told_and_its_statements_marked(worker: Worker, module: Module) -> None:
    found = captured(
        worker,
        module,
        "op.execute('SELECT 1')\nwith op.get_context().autocommit_block():\n    op.execute('VACUUM')\nop.execute('SELECT 2')",
    )
    assert [(each.sql, each.autocommit) for each in found.statements] == [
        ("SELECT 1", False),
        ("VACUUM", True),
        ("SELECT 2", False),
    ]
    assert not found.transactional


@pytest.mark.parametrize(
    ("code", "kind", "words"),
    [
        ("raise ValueError('no')", "exception", "ValueError: no"),
        ("exit(3)", "exit", r"exit\(3\)"),
        ("import os\nos._exit(4)", "died", r"ended \(exit code 4\) while upgrade"),
        ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "died", r"ended \(signal 9\)"),
        ("op.get_bind().commit()", "exception", "refused: commit"),
        ("op.get_bind().rollback()", "exception", "refused: rollback"),
        (
            "op.get_bind().execution_options(isolation_level='AUTOCOMMIT')",
            "exception",
            "isolation_level may not be altered",
        ),
        (
            "from sqlalchemy.orm import Session\ns = Session(bind=op.get_bind())\ns.execute(sa.text('SELECT 1'))\ns.rollback()",
            "exception",
            "refused: rollback",
        ),
    ],
)
def test_how_authors_code_ends_is_told(
    worker: Worker, module: Module, code: str, kind: str, words: str
) -> None:
    with pytest.raises(WorkerError, match=words) as caught:
        run(worker, module, code)
    assert caught.value.kind == kind


def test_a_session_of_the_authors_that_commits_does_no_harm(worker: Worker, module: Module) -> None:
    code = "from sqlalchemy.orm import Session\ns = Session(bind=op.get_bind())\ns.execute(sa.text('SELECT 1'))\ns.commit()"
    assert [sql for sql, _ in run(worker, module, code).sent] == ["SELECT 1"]


def test_silence_longer_than_the_limit_ends_the_process(module: Module) -> None:
    with Worker(silence=5) as worker:  # starting is silence too, and takes its time on a busy machine
        with pytest.raises(WorkerError, match="said nothing for 5 s while upgrade") as caught:
            run(worker, module, "import time\ntime.sleep(60)")
        assert caught.value.kind == "hung"
        assert worker.pid is None


def test_the_process_ends_with_its_owner(module: Module) -> None:
    worker = Worker()
    worker.start()
    pid = worker.pid
    assert pid is not None
    worker.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import socket\nsocket.create_connection(('127.0.0.1', 1))", "socket to ('127.0.0.1', 1)"),
        ("import psycopg\npsycopg.connect('host=127.0.0.1')", "psycopg.connect"),
        ("sa.create_engine('postgresql+psycopg://u@127.0.0.1/x').connect()", "psycopg.connect"),
        ("try:\n    import psycopg\n    psycopg.connect('')\nexcept Exception:\n    pass", "psycopg.connect"),
    ],
)
def test_a_connection_of_its_own_is_refused_and_named(
    worker: Worker, module: Module, code: str, what: str
) -> None:
    assert captured(worker, module, code).connections == (what,)


def test_the_environment_holds_no_secret_and_asking_for_one_is_told(
    worker: Worker, module: Module, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://u:geheim@h/d")
    monkeypatch.setenv("MY_TOKEN", "geheim")
    found = captured(
        worker,
        module,
        "import os\nop.execute('-- ' + str(sorted(os.environ)) + str(os.environ.get('DATABASE_URL')))\n"
        "os.getenv('MY_TOKEN')\nos.getenv('NOBODY_SET_IT')",
    )
    assert found.withheld == ("DATABASE_URL", "MY_TOKEN")
    assert "geheim" not in found.statements[0].sql
    assert "DATABASE_URL" not in found.statements[0].sql


def test_an_enum_made_once_is_not_made_again_until_the_database_went_back(
    worker: Worker, module: Module
) -> None:
    code = "op.create_table('t', sa.Column('s', sa.Enum('a', name='st')))"
    revision = written(module, code)
    worker.open_module(module, SERVER)

    def types(token: str) -> int:
        answering = Answering()
        worker.run(module, revision, Direction.UPGRADE, answering, token=token)
        return sum(sql.startswith("CREATE TYPE") for sql, _ in answering.sent)

    assert [types("first"), types("second")] == [1, 0]
    worker.restore(module, "first")
    assert types("third") == 1
    worker.forget_all()
    assert types("fourth") == 1


def test_two_modules_may_have_a_package_of_the_same_name(worker: Worker, tmp_path: Path) -> None:
    seen = []
    for name in ("one", "two", "one"):
        root = tmp_path / name
        (root / "migrations" / "versions").mkdir(parents=True, exist_ok=True)
        (root / "models.py").write_text(f"NAME = {name!r}\n")
        module = Module(name=name, path=root / "migrations", schemas=(name,), import_paths=(root,))
        seen.append(run(worker, module, "from models import NAME\nop.execute('-- ' + NAME)").sent[0][0])
    assert seen == ["-- one", "-- two", "-- one"]


def test_what_env_py_configures_is_learned_without_connecting(worker: Worker, module: Module) -> None:
    (module.path / "env.py").write_text(
        "from alembic import context\nimport sqlalchemy as sa\n"
        "metadata = sa.MetaData(naming_convention={'uq': 'uq_%(table_name)s'})\n"
        "if context.is_offline_mode():\n"
        "    context.configure(url='x', target_metadata=metadata, version_table='versions', version_table_schema='ops')\n"
        "    with context.begin_transaction():\n        context.run_migrations()\n"
        "else:\n    raise SystemExit('connects')\n"
    )
    worker.open_module(module, SERVER)
    assert worker.read_environment(module) == {"version_table": "versions", "version_table_schema": "ops"}
    answering = run(worker, module, "op.create_unique_constraint(None, 't', ['a'])")
    assert answering.sent[0][0] == "ALTER TABLE t ADD CONSTRAINT uq_t UNIQUE (a)"


def test_an_interpreter_that_cannot_run_revisions_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be started"):
        Worker(str(tmp_path / "nothing")).start()
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\nexec python3 -S -E "$@"\n')
    bare.chmod(0o755)
    with pytest.raises(UsageError, match=r"cannot run revisions: .* is needed by the worker"):
        Worker(str(bare)).start()


def test_what_a_revision_started_ends_with_the_worker(module: Module, tmp_path: Path) -> None:
    told = tmp_path / "pid"
    code = (
        "import subprocess\n"
        "started = subprocess.Popen(['sleep', '1000'])\n"
        f"open({str(told)!r}, 'w').write(str(started.pid))"
    )
    with Worker(silence=10) as worker:
        run(worker, module, code)
    pid = int(told.read_text())
    deadline = time.monotonic() + 10
    while Path(f"/proc/{pid}").exists() and "(sleep) Z" not in Path(f"/proc/{pid}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
