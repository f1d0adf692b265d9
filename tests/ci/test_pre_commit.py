"""The hook before a commit: the new revision's mistakes in its author's terminal, and no database anywhere."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.ci.image import write_program
from tests.ci.recipes import YAML_FILES, document
from tests.commands_site import write_shop
from tests.failures.site import REPOSITORY, Ended
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

HOOKS = next(file for file in YAML_FILES if file.name == ".pre-commit-hooks.yaml")


def git(root: Path, *words: str) -> Ended:
    """Run git as an author does, with `migrate` on the PATH and no server's programs to be found."""
    identity = (
        "-c",
        "user.name=an author",
        "-c",
        "user.email=author@example.com",
        "-c",
        "commit.gpgsign=false",
    )
    done = subprocess.run(
        ["git", *identity, *words],
        cwd=root,
        env={
            "PATH": f"{root.parent / 'bin'}:{os.environ['PATH']}",
            "HOME": str(root.parent),
            "MIGRATE_ENV": "production",
            "MIGRATE_PG_PROVIDERS": "MIGRATE_PG_BIN",  # which names none
            "MIGRATE_STATE_DIR": str(root.parent / "state"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return Ended(code=done.returncode, out=done.stdout, err=done.stderr)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with the shop committed, the hook installed, and production's address not to be had."""
    root = tmp_path / "checkout"
    write_shop(root)
    (root / "pyproject.toml").write_text(
        '[tool.migrate.environments.production]\nurl_env = "NOBODY_SETS_THIS"\n', encoding="utf-8"
    )
    assert git(root, "init", "--quiet", "--initial-branch", "main").code == 0
    git(root, "add", "--all")
    assert git(root, "commit", "--quiet", "--message", "base").code == 0
    program = f'PYTHONPATH="{REPOSITORY}" exec "{sys.executable}" -m coordinator "$@"'
    write_program(tmp_path / "bin" / "migrate", program)
    (hook,) = (each for each in document(HOOKS) if each["id"] == "migrate-check")
    write_program(root / ".git" / "hooks" / "pre-commit", f"exec {hook['entry']} >&2")
    return root


def test_a_sound_revision_is_committed(checkout: Path) -> None:
    write_revision(
        versions_of(checkout, "crm"),
        "c3",
        after="c2",
        upgrade='op.execute("ALTER TABLE crm.customers ADD fax text")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP fax")',
    )
    git(checkout, "add", "--all")
    done = git(checkout, "commit", "--quiet", "--message", "add a fax")
    assert done.code == 0, done.err
    assert "target: the revisions of HEAD" in done.said
    assert "1 pending" in done.said
    assert not (checkout / ".migrate").exists()
    assert not (checkout.parent / "state").exists()


def test_a_revision_that_breaks_another_module_is_not(checkout: Path) -> None:
    write_revision(
        versions_of(checkout, "billing"),
        "b2",
        after="b1",
        upgrade='op.execute("ALTER TABLE crm.customers DROP telefone2 CASCADE")',
        downgrade='op.execute("ALTER TABLE crm.customers ADD telefone2 text")',
    )
    git(checkout, "add", "--all")
    refused = git(checkout, "commit", "--quiet", "--message", "drop it")
    assert refused.code == 1, refused.err
    assert "error another-schema" in refused.said
    assert "modules/billing/migrations/versions/b2.py:" in refused.said
    assert git(checkout, "log", "--oneline").out.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--since", "nowhere"), "There is no git ref 'nowhere'"),
        (("--since", "--output=x"), "'--output=x' cannot be a git ref"),
        (("--baseline", "nowhere.snapshot"), "nowhere.snapshot"),
        (("--since", "HEAD", "--baseline", "x"), "name one of them"),
        (("--since", "HEAD", "--rights"), "name one of them"),
    ],
)
def test_a_starting_point_that_is_none_is_exit_2(
    checkout: Path, arguments: tuple[str, ...], words: str
) -> None:
    write_program(checkout / ".git" / "hooks" / "pre-commit", f"exec migrate check {' '.join(arguments)}")
    refused = git(checkout, "commit", "--quiet", "--allow-empty", "--message", "nothing")
    assert refused.code != 0
    assert words in refused.said
    assert "next:" in refused.said
