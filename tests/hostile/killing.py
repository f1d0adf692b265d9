"""A run at work that a test can hold, kill and clean up after, on a machine of its own as far as it sees one."""

from __future__ import annotations

import json
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coordinator.postgres.connect import connect
from tests.hostile.harness import URL_SETTINGS, command, environment, migrate
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A machine of its own as far as a command sees one: state, temporary files, engine."""

    state: Path
    temporary: Path
    engine: str | None

    @property
    def variables(self) -> dict[str, str | None]:
        """What a command in this place gets."""
        return {
            "MIGRATE_STATE_DIR": str(self.state),
            "TMPDIR": str(self.temporary),
            "DOCKER_HOST": self.engine,
            "TESTCONTAINERS_RYUK_DISABLED": "true",
        }

    def scratch(self) -> set[str]:
        """The workers' directories that are there."""
        return {str(path) for path in self.temporary.glob("migrate-worker-*")}

    def gc(self, erp: Path, *arguments: str) -> list[dict[str, Any]]:
        """What `migrate gc` found in this place; other leftovers of this machine are not asked for here."""
        done = migrate(erp, "gc", "--format", "json", *arguments, **self.variables)
        assert done.code == 0, done
        found: list[dict[str, Any]] = json.loads(done.out)["leftovers"]
        ours = (str(self.state), str(self.temporary), str(self.state.parent), "postgresql://")
        return [each for each in found if any(word in f"{each['name']} {each['place']}" for word in ours)]


def holding_erp(root: Path, hold: str) -> Path:
    """A project whose second step holds where `hold` says."""
    project(root, modules=("crm",), settings=URL_SETTINGS)
    write_revision(
        versions_of(root, "crm"),
        "c1",
        upgrade="op.create_table('customers', sa.Column('id', sa.Integer, primary_key=True))",
        downgrade="op.drop_table('customers')",
    )
    hold_at(root, hold)
    return root


def hold_at(root: Path, hold: str) -> None:
    """Write the second step anew; it is still pending."""
    write_revision(
        versions_of(root, "crm"),
        "c2",
        after="c1",
        upgrade=f"op.add_column('customers', sa.Column('name', sa.Text))\n{hold}",
        downgrade="op.drop_column('customers', 'name')",
    )


def until_there(flag: Path) -> str:
    """A hold on the authors' side: in a rehearsal, which has a database to name, until the file is there."""
    return (
        "import os, time\n"
        "while op.get_bind().scalar(sa.text('SELECT current_database()')) and not os.path.exists("
        f"{str(flag)!r}):\n    time.sleep(0.05)"
    )


@contextmanager
def running(root: Path, place: Place, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """`migrate all-modules` at work; killed at the end if it is still there."""
    process = subprocess.Popen(
        command("all-modules", *arguments),
        cwd=root,
        env=environment(**{**place.variables, **variables}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        yield process
    finally:
        if process.poll() is None:
            kill(process)


def await_line(process: subprocess.Popen[str], word: str) -> None:
    """Read what it tells until a line begins with `word`."""
    assert process.stderr is not None
    told = []
    for line in process.stderr:
        told.append(line)
        if line.startswith(word):
            return
    raise AssertionError(f"it ended without saying {word!r}:\n{''.join(told)}")


def await_true(what: Callable[[], object]) -> None:
    """Look again and again; a minute is more than enough on a busy machine."""
    deadline = time.monotonic() + 60
    while not what():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def sleepers(database: DatabaseUrl) -> list[tuple[str, int]]:
    """Databases in which a statement sleeps, each with its server process."""
    with connect(database, application_name="test") as connection:
        return connection.execute(
            "SELECT datname, pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(100)%' AND state = 'active'"
            " AND pid <> pg_backend_pid() AND wait_event = 'PgSleep'"
        ).fetchall()


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def check_neighbour(neighbour: subprocess.Popen[str], flag: Path) -> None:
    """It is still at work, and ends well when it is let go."""
    assert neighbour.poll() is None
    flag.touch()
    _, told = neighbour.communicate(timeout=120)
    assert neighbour.returncode == 0, told
    assert "2 steps applied" in told


def kinds(leftovers: list[dict[str, Any]]) -> list[str]:
    assert all(each["removed"] for each in leftovers), leftovers
    return sorted(each["kind"] for each in leftovers)
