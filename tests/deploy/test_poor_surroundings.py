"""Images as operators run them: a secret that did not mount, a read-only file system, any uid, no home."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.postgres.url import as_words
from tests.commands_site import write_shop
from tests.failures.site import REPOSITORY
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.commands_site import Desk

PRODUCTION = """
environment = "local"
[tool.migrate.environments.local]
target = "embedded"
[tool.migrate.environments.production]
url_env = "MIGRATE_DATABASE_URL"
"""
UNREHEARSED = ("all-modules", "--yes", "--staging", "off")
NOBODYS_UID = 54321  # no line of /etc/passwd has it


def start(root: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command with these variables and no others that name anything."""
    return subprocess.run(
        [sys.executable, "-m", "coordinator", "all-modules", "--yes", *arguments],
        cwd=root,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({}, "MIGRATE_DATABASE_URL"),
        ({"MIGRATE_DATABASE_URL": ""}, "MIGRATE_DATABASE_URL is set and empty"),
        ({"MIGRATE_DATABASE_URL": "  \n"}, "MIGRATE_DATABASE_URL is set and empty"),
        ({"MIGRATE_DATABASE_URL_FILE": ""}, "MIGRATE_DATABASE_URL_FILE is set and empty"),
        ({"MIGRATE_DATABASE_URL_FILE": "/run/secrets/nowhere"}, "/run/secrets/nowhere, which cannot be read"),
        ({"MIGRATE_DATABASE_URL_FILE": "{empty}"}, "is set and empty"),
        ({"DATABASE_URL": "embedded:"}, "MIGRATE_DATABASE_URL"),
    ],
    ids=["unset", "empty", "blank", "no file named", "no such file", "empty file", "the application's own"],
)
def test_a_secret_that_did_not_mount_is_exit_2_and_never_an_embedded_run(
    tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    root = tmp_path / "project"
    write_shop(root)
    (root / "pyproject.toml").write_text("[tool.migrate]" + PRODUCTION, encoding="utf-8")
    empty = tmp_path / "secret"
    empty.write_text("\n", encoding="utf-8")
    given = {name: value.format(empty=empty) for name, value in variables.items()}

    ended = start(root, MIGRATE_ENV="production", **given)

    assert ended.returncode == 2, ended.stderr
    assert words in " ".join(ended.stderr.split())
    assert not (root / ".migrate").exists()


@pytest.fixture
def bare(desk: Desk) -> Iterator[Desk]:
    """A project that everybody may read and nobody may write, without a place of its own for state."""
    write_shop(desk.root)
    for each in (desk.root, *desk.root.rglob("*")):
        each.chmod(0o555 if each.is_dir() else 0o444)
    directory = Path(str(desk.url.parameters["host"]))
    # Ours alone: the folders above the project, and the server's socket.
    private = [each for each in desk.root.parents if not _everybody_may_enter(each)]
    opened = (*private, directory, *directory.glob(".s.PGSQL.*[0-9]"))
    modes = {each: stat.S_IMODE(each.stat().st_mode) for each in opened}
    for each in opened:
        each.chmod(0o755 if each.is_dir() else 0o777)
    yield desk
    for each, mode in modes.items():
        each.chmod(mode)
    for each in (desk.root, *desk.root.rglob("*")):
        if each.is_dir():
            each.chmod(0o755)


def as_nobody(
    site: Desk, surroundings: str, *words: str, **variables: str
) -> subprocess.CompletedProcess[str]:
    """A command in these surroundings, with these variables and no others."""
    target = ("--database-url", as_words(site.url.parameters))
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", surroundings, "sh",
         sys.executable, "-m", "coordinator", words[0], *target, *words[1:]],
        cwd=site.root,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(REPOSITORY), **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip


def test_a_read_only_root_any_uid_and_no_home_are_enough(bare: Desk, tmp_path: Path) -> None:
    reason = _cannot_be_tried()
    if reason:
        pytest.skip(reason)
    surroundings = _surroundings(tmp_path)

    def started(*words: str) -> subprocess.CompletedProcess[str]:
        return as_nobody(bare, surroundings, *words, TMPDIR=str(tmp_path / "scratch"))

    first, second, waited = started(*UNREHEARSED), started(*UNREHEARSED), started("status", "--wait", "5s")
    write_revision(versions_of(bare.root, "billing"), "b2", after="b1", upgrade='op.execute("SELECT 1 / 0")')
    failed, retried = started(*UNREHEARSED), started(*UNREHEARSED, "--retry")

    assert first.returncode == 0, first.stderr
    assert "3 steps applied" in " ".join(first.stderr.split())
    assert second.returncode == 0, second.stderr
    assert "nothing to do" in second.stderr
    assert waited.returncode == 0, waited.stderr
    assert (failed.returncode, retried.returncode) == (3, 3), retried.stderr
    assert bare.value("SELECT array_agg(status ORDER BY number) FROM migrate.run") == [
        "applied",
        "reversed",
        "reversed",
    ]
    assert not (bare.root / ".migrate").exists()


def test_without_any_writable_directory_looking_works_and_applying_names_the_remedy(
    bare: Desk, tmp_path: Path
) -> None:
    reason = _cannot_be_tried()
    if reason:
        pytest.skip(reason)
    surroundings = _surroundings(tmp_path, temporary=False)
    before = as_nobody(bare, surroundings, *UNREHEARSED)
    assert bare.value("SELECT to_regnamespace('migrate') IS NULL")
    applied = bare.migrate(*UNREHEARSED)
    looked = [as_nobody(bare, surroundings, *words) for words in (UNREHEARSED, ("status",), ("history",))]
    embedded = as_nobody(bare, surroundings, "gc", "--dry-run")

    assert applied.code == 0, applied.err
    for each in looked:
        assert each.returncode == 0, each.stderr
    assert "nothing to do" in looked[0].stderr
    for each in (before, embedded):
        said = " ".join(each.stderr.split())
        assert each.returncode == 2, each.stderr
        assert "No directory for temporary files can be written." in said
        assert "name it in TMPDIR" in said
    assert "Or set MIGRATE_STATE_DIR to a folder that can be written." in " ".join(embedded.stderr.split())


def _surroundings(folder: Path, *, temporary: bool = True) -> str:
    """A script for a mount namespace: everything is read-only but TMPDIR, and then it runs "$@" as a uid without a name.

    Without `temporary` there is no TMPDIR either. Where Python itself lies in a private home, that home is covered and
    only Python shines through.
    """
    scratch, python = folder / "scratch", folder / "python"
    scratch.mkdir()
    python.mkdir()
    base = Path(sys.base_prefix)
    private = next((each for each in reversed((base, *base.parents)) if not _everybody_may_enter(each)), None)
    cover = (
        f"mount --bind {base} {python} && mount -t tmpfs -o mode=755 tmpfs {private} && mkdir -p {base}"
        f" && mount --bind {python} {base} && "
        if private is not None
        else ""
    )
    others = (
        "for each in /tmp /var/tmp /usr/tmp; do ! mountpoint -q $each || mount -o remount,bind,ro $each; done"
    )
    left = f"mount -t tmpfs -o mode=1777 tmpfs {scratch}" if temporary else others
    return (
        f"{cover}{left} && mount -o remount,bind,ro /"
        f" && ! touch {REPOSITORY}/written 2>/dev/null"
        f' && exec setpriv --reuid={NOBODYS_UID} --regid={NOBODYS_UID} --clear-groups "$@"'
    )


def _cannot_be_tried() -> str | None:
    """Why this machine cannot show it, or None."""
    if os.geteuid() != 0 or not all(shutil.which(each) for each in ("setpriv", "unshare")):
        return "only root with the programs 'setpriv' and 'unshare' can make a read-only root and a uid without a name"
    tried = subprocess.run(
        ["unshare", "--mount", "mount", "-o", "remount,bind,ro", "/"],
        capture_output=True,
        text=True,
        check=False,
    )
    if tried.returncode != 0:
        return f"mounting is not allowed here: {tried.stderr.strip()}"
    closed = [each for each in (REPOSITORY, *REPOSITORY.parents) if not _everybody_may_enter(each)]
    return f"another uid may not read {closed[0]}" if closed else None


def _everybody_may_enter(folder: Path) -> bool:
    return folder.stat().st_mode & 0o005 == 0o005
