"""What most starts are: nothing is pending, so there is no lock, no staging, no worker, no write, and nothing heavy is loaded."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from coordinator.ledger.lock import KEY
from coordinator.postgres.url import as_words
from tests.commands_site import apply, write_shop
from tests.failures.roles import make_role
from tests.failures.site import REPOSITORY
from tests.trees import project

if TYPE_CHECKING:
    from tests.commands_site import Desk

# What planning, rehearsing, applying and authors' code need, and a look does not.
HEAVY = (
    "networkx", "postgast", "google.protobuf", "sqlalchemy", "alembic", "rich", "markdown_it",
    "coordinator.workflow.under_lock", "coordinator.execution.executor", "coordinator.planning.planner",
)  # fmt: skip


def test_it_needs_no_lock_no_staging_no_worker_and_no_right_to_write(desk: Desk, role: str) -> None:
    write_shop(desk.root)
    apply(desk)
    # A worker cannot be started any more, nor a container; and the lock is somebody else's.
    project(desk.root, modules={name: {"interpreter": "/nowhere/python"} for name in ("crm", "billing")})
    reader = make_role(
        desk,
        role,
        "GRANT USAGE ON SCHEMA migrate, crm, billing TO {role}",
        "GRANT SELECT ON ALL TABLES IN SCHEMA migrate, crm, billing TO {role}",
    )
    before = desk.picture()
    with desk.session() as other:
        other.execute(f"SELECT pg_advisory_lock({KEY})")
        look = desk.migrate(
            "all-modules",
            "--wait",
            "0s",
            "--staging",
            "container",
            environment={"PATH": "/nowhere"},
            url=reader,
        )

    assert look.code == 0, look.err
    assert "nothing to do" in look.said
    assert desk.picture() == before


def test_it_loads_nothing_heavy(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    script = (
        "import sys; from coordinator.cli.main import run;"
        f"code = run(['all-modules', '--database-url', {as_words(desk.url.parameters)!r}]);"
        f"print(code, *(name for name in {HEAVY!r} if name in sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=desk.root,
        env={"PYTHONPATH": str(REPOSITORY), "MIGRATE_STATE_DIR": str(desk.state)},
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout.split() == ["0"], done.stdout + done.stderr


def test_a_module_that_is_at_its_head_needs_no_lock_either_while_others_are_pending(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk, "--module", "crm")
    before = desk.picture()
    with desk.session() as other:
        other.execute(f"SELECT pg_advisory_lock({KEY})")
        look = desk.migrate("all-modules", "--wait", "0s", "--module", "crm", "--staging", "container")
        others = desk.migrate("all-modules", "--wait", "0s", "--module", "billing", "--staging", "container")

    assert look.code == 0, look.err
    assert "nothing to do: what was named is at its head" in look.said
    assert others.code == 5, others.err
    assert desk.picture() == before
