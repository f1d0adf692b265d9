"""Accounts and machines that give less than usual: no home, no right to write, no UTF-8, not root."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.hostile.harness import ROOT, Done, command, environment, harmless, migrate, small_erp
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDED = 'environment = "local"\n[tool.migrate.environments.local]\ntarget = "embedded"\n'


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordinary:
    """A user whom the modes of files bind, with a folder of its own and a Python that it can run."""

    folder: Path
    python: str
    user: str | None  # None: ourselves

    def own(self, path: Path) -> Path:
        """Give the user a file, or a folder with all that is in it; the same path."""
        if self.user is not None:
            for each in (path, *path.rglob("*")):
                shutil.chown(each, self.user)
        return path

    def migrate(self, root: Path, *arguments: str, **variables: str) -> Done:
        """Run `migrate` as that user in `root`."""
        done = self.run(
            "-m", "coordinator", *arguments, cwd=root, env=environment(HOME="/nonexistent", **variables)
        )
        return harmless(Done(code=done.returncode, out=done.stdout, err=done.stderr))

    def run(self, *arguments: str, cwd: Path, env: dict[str, str]) -> subprocess.CompletedProcess[str]:
        """Run its Python as that user."""
        return subprocess.run(
            [self.python, *arguments],
            cwd=cwd,
            env={**env, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
            **_identity(self.user),
        )


def _identity(user: str | None) -> dict[str, Any]:
    if user is None:
        return {}
    entry = pwd.getpwnam(user)
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ordinary]:
    """Ourselves; as root the user `nobody`, in a folder that it can reach."""
    if os.geteuid() != 0:
        yield Ordinary(folder=tmp_path_factory.mktemp("ordinary"), python=sys.executable, user=None)
        return
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    try:
        shutil.chown(folder, "nobody")
        yield _with_python(folder)
    finally:
        shutil.rmtree(folder)


def _with_python(folder: Path) -> Ordinary:
    """A Python with our packages that `nobody` can run: ours, or the system's of the same version in a venv."""
    version = ".".join(map(str, sys.version_info[:2]))
    probe = "import alembic, click, psycopg, coordinator.cli.main, sys; print(*sys.version_info[:2], sep='.')"
    ours = Ordinary(folder=folder, python=sys.executable, user="nobody")
    system = replace(ours, python="/usr/bin/python3")
    in_venv = replace(ours, python=str(folder / "venv" / "bin" / "python"))
    try:
        if ours.run("-c", probe, cwd=folder, env={}).stdout.strip() == version:
            return ours
    except PermissionError:
        pass  # it lies where `nobody` cannot go; the system's own is tried next
    made = system.run("-m", "venv", "--without-pip", "venv", cwd=folder, env={})
    library = folder / "venv" / "lib" / f"python{version}" / "site-packages"
    if made.returncode == 0 and library.is_dir():
        (library / "ours.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
        if in_venv.run("-c", probe, cwd=folder, env={}).stdout.strip() == version:
            return in_venv
    pytest.skip(f"'nobody' can run neither {sys.executable} nor a system Python {version} with our packages")


def contents(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*"))


def test_an_unprivileged_user_migrates_the_embedded_database_and_leaves_nothing_outside(
    ordinary: Ordinary,
) -> None:
    root = ordinary.own(small_erp(ordinary.folder / "erp", settings=EMBEDDED))
    temporary = ordinary.folder / "temporary"
    temporary.mkdir()
    ordinary.own(temporary)
    for words in ("2 steps applied", "nothing to do"):
        ordinary.migrate(root, "all-modules", TMPDIR=str(temporary)).check(0, words)
    assert {path.stat().st_uid for path in contents(root)} == {root.stat().st_uid}
    assert not contents(temporary)


def test_a_read_only_checkout_is_migrated_and_stays_as_it_is(ordinary: Ordinary) -> None:
    root = small_erp(ordinary.folder / "read-only", settings=EMBEDDED)
    temporary = ordinary.folder / "writable"
    temporary.mkdir()
    ordinary.own(temporary)
    for folder in (root, *(path for path in contents(root) if path.is_dir())):
        folder.chmod(0o555)
    before = contents(root)
    for words in ("2 steps applied", "nothing to do"):
        ordinary.migrate(root, "all-modules", TMPDIR=str(temporary)).check(0, words)
    ordinary.migrate(root, "map", "write", TMPDIR=str(temporary)).check(
        2, "the map cannot be written", "Permission denied", "--output"
    )
    assert contents(root) == before
    (state,) = temporary.iterdir()
    assert (state / "target").is_dir()


@pytest.mark.parametrize("what", ["read-only", "below a read-only one", "a file", "below a file"])
def test_a_state_directory_that_cannot_be_used_is_told(ordinary: Ordinary, what: str) -> None:
    root = ordinary.own(small_erp(ordinary.folder / f"erp {what}", settings=EMBEDDED))
    folder = ordinary.folder / f"state {what}"
    if "file" in what:
        folder.write_text("", encoding="utf-8")
    else:
        folder.mkdir(mode=0o555)
    state = folder / "deeper" if what.startswith("below") else folder
    for arguments in (("all-modules",), ("status",)):
        ordinary.migrate(root, *arguments, MIGRATE_STATE_DIR=str(state)).check(
            6, str(state), "cannot be used for a server", "MIGRATE_STATE_DIR"
        )


def test_the_state_of_another_user_is_told(ordinary: Ordinary) -> None:
    """Somebody ran it with sudo once."""
    if ordinary.user is None:
        pytest.skip("only root can leave something that belongs to another user")
    root = ordinary.own(small_erp(ordinary.folder / "sudo", settings=EMBEDDED))
    migrate(root, "all-modules").check(0, "2 steps applied")
    ordinary.migrate(root, "all-modules").check(6, ".migrate/target", "MIGRATE_STATE_DIR")


@pytest.mark.parametrize("home", [None, "", "/nonexistent"], ids=["unset", "empty", "not there"])
def test_no_home_is_needed(erp: Path, target: str, home: str | None) -> None:
    migrate(erp, "all-modules", HOME=home, MIGRATE_DATABASE_URL=target).check(0, "2 steps applied")


@pytest.mark.parametrize(
    "variables",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LC_ALL": "POSIX", "PYTHONIOENCODING": "latin-1"},
        {"LANG": "no_SUCH.encoding"},
    ],
    ids=str,
)
def test_no_locale_is_needed(tmp_path: Path, target: str, variables: dict[str, str]) -> None:
    """Modules, tables and sentences hold letters that such a locale does not have."""
    if sys.getfilesystemencoding() != "utf-8":
        pytest.skip("names of files are not UTF-8 here, so the module's folder cannot be made")
    settings = 'environment = "test"\n[tool.migrate.environments.test]\nurl_env = "MIGRATE_DATABASE_URL"\n'
    root = project(tmp_path / "erp", modules={"crm": {"schemas": ["ação"]}}, settings=settings)
    write_revision(
        versions_of(root, "crm"),
        "c1",
        message="clientes — ação → 模块",
        upgrade="op.create_table('clientes_é', sa.Column('número', sa.Integer))",
        downgrade="op.drop_table('clientes_é')",
    )
    for arguments, words in (
        (("plan",), "crm:c1"),
        (("plan", "--format", "json"), '"c1"'),
        (("all-modules",), "1 step applied"),
        (("status",), "1/1"),
    ):
        done = subprocess.run(
            command(*arguments),
            cwd=root,
            env=environment(MIGRATE_DATABASE_URL=target, **variables),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=60,
        )
        text = (done.stdout + done.stderr).decode("latin-1")
        harmless(Done(code=done.returncode, out=text, err="")).check(0, words)
