"""Revision files that cannot be read, cannot be run, or do not hang together."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.hostile.harness import migrate, untouched
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

FILE = "modules/crm/migrations/versions/x1.py"
BODY = "\ndef upgrade():\n    pass\n\ndef downgrade():\n    pass\n"
# What the file holds -> what is said of it.
UNREADABLE = {
    "binary rubbish": (bytes(range(256)), (f"{FILE} is not UTF-8 text: byte 128", "Save it as UTF-8")),
    "NUL bytes": (b"revision = 'x1'\n\x00\x00", (f"{FILE} is not Python", "Correct the file")),
    "syntax error": (
        b"revision = 'x1'\ndown_revision = 'c1'\n\ndef upgrade(:\n    pass\n",
        (f"{FILE}:4:13 is not Python: invalid syntax.", "Correct the file"),
    ),
    "raises on import": (
        b"revision = 'x' + '1'\ndown_revision = 'c1'\nraise RuntimeError('broken')\n" + BODY.encode(),
        (
            f"{FILE}:3: the file does not run, and it computes `revision`",
            "RuntimeError: broken",
            "Write the value",
        ),
    ),
    "raises on import, with all its names written out": (
        b"revision = 'x1'\ndown_revision = 'c1'\nraise RuntimeError('broken')\n" + BODY.encode(),
        ("revision crm:x1 cannot be loaded: RuntimeError: broken", f"{FILE}:3", "import_paths"),
    ),
    "imports what is not there": (
        b"import nosuchlib\nrevision = 'x' + '1'\ndown_revision = 'c1'\n" + BODY.encode(),
        (f"{FILE}:1: the file does not run", "No module named 'nosuchlib'", "import_paths"),
    ),
    "leaves on import": (
        b"import sys\nrevision = 'x' + '1'\ndown_revision = 'c1'\nsys.exit(0)\n" + BODY.encode(),
        (f"{FILE}:4: the file does not run", "it called exit(0)"),
    ),
    "kills its process on import": (
        b"import os\nrevision = 'x' + '1'\ndown_revision = 'c1'\nos.kill(os.getpid(), 9)\n" + BODY.encode(),
        (f"{FILE}:2: the file does not run", "signal 9"),
    ),
    "missing parent": (
        b"revision = 'x1'\ndown_revision = 'c11'\n" + BODY.encode(),
        (f"{FILE}:1: revision 'x1' follows 'c11', which no file of module 'crm' has.", "Did you mean 'c1'?"),
    ),
    "an id that is no text": (
        b"revision = 7\ndown_revision = 'c1'\n" + BODY.encode(),
        (f"{FILE}:1: `revision` must be",),
    ),
    "its own parent": (b"revision = 'x1'\ndown_revision = 'x1'\n" + BODY.encode(), (FILE, "'x1'")),
    "an id that is taken": (
        b"revision = 'c1'\ndown_revision = None\n" + BODY.encode(),
        (FILE, "'c1'", "c1.py"),
    ),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_a_revision_that_cannot_be_loaded_is_told_once_with_its_line(
    erp: Path, database: DatabaseUrl, target: str, what: str
) -> None:
    content, words = UNREADABLE[what]
    (erp / FILE).write_bytes(content)
    with untouched(database):
        done = migrate(erp, "all-modules", MIGRATE_DATABASE_URL=target)
    done.check(2, *words)
    assert done.said.count(words[0]) == 1


def test_problems_of_several_files_are_told_at_once(erp: Path, database: DatabaseUrl, target: str) -> None:
    (erp / FILE).write_text("def upgrade(:\n", encoding="utf-8")
    (versions_of(erp, "billing") / "x2.py").write_bytes(b"\xff\xfe")
    with untouched(database):
        migrate(erp, "all-modules", MIGRATE_DATABASE_URL=target).check(
            2, "2 problems", f"{FILE}:1:", "modules/billing/migrations/versions/x2.py"
        )


def test_two_heads_are_told_with_both_files_and_the_command_that_joins_them(
    erp: Path, database: DatabaseUrl, target: str
) -> None:
    write_revision(versions_of(erp, "crm"), "x1", after=None)
    with untouched(database):
        migrate(erp, "all-modules", MIGRATE_DATABASE_URL=target).check(
            1,
            "several-heads",
            f"{FILE}:6",
            "modules/crm/migrations/versions/c1.py:6",
            "alembic merge -m merge c1 x1",
        )


def test_a_revision_whose_function_raises_is_told_with_its_line(
    erp: Path, database: DatabaseUrl, target: str
) -> None:
    write_revision(versions_of(erp, "crm"), "x1", after="c1", upgrade="raise ValueError('no such thing')")
    with untouched(database):
        migrate(erp, "all-modules", MIGRATE_DATABASE_URL=target).check(
            1, "not-loadable", f"{FILE}:11", "ValueError: no such thing"
        )


@pytest.mark.parametrize("named", [True, False], ids=["named in the settings", "found by its env.py"])
def test_a_versions_folder_that_is_missing_is_not_taken_for_a_module_without_revisions(
    erp: Path, database: DatabaseUrl, target: str, *, named: bool
) -> None:
    versions = versions_of(erp, "crm")
    shutil.rmtree(versions)
    if named:
        settings = erp / "pyproject.toml"
        settings.write_text(
            settings.read_text(encoding="utf-8") + '[tool.migrate.modules.crm]\nschemas = ["crm"]\n',
            encoding="utf-8",
        )
    else:
        (versions.parent / "env.py").touch()
    with untouched(database):
        migrate(erp, "all-modules", MIGRATE_DATABASE_URL=target).check(
            2,
            "Module 'crm' has no folder modules/crm/migrations/versions.",
            "[tool.migrate.modules.crm] path says where",
        )


def test_a_plan_that_cannot_be_one_transaction_is_refused_with_its_steps(
    erp: Path, database: DatabaseUrl, target: str
) -> None:
    write_revision(
        versions_of(erp, "crm"),
        "x1",
        after="c1",
        upgrade=(
            "with op.get_context().autocommit_block():\n"
            "    op.execute('CREATE INDEX CONCURRENTLY by_id ON crm.customers (id)')"
        ),
        downgrade="op.execute('DROP INDEX crm.by_id')",
    )
    with untouched(database):
        migrate(erp, "all-modules", "--atomic", "run", MIGRATE_DATABASE_URL=target).check(
            1, "cannot be one transaction because of 'crm:x1'", FILE, "line 12", "--atomic auto"
        )
