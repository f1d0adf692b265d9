"""Which files count as read by a revision: also those that Python answers from memory, under any interpreter."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from coordinator.model.capture import Direction
from coordinator.model.module import Module
from coordinator.revisions.capture import capture
from coordinator.revisions.inputs import file_digest
from coordinator.revisions.reader import read_tree
from coordinator.worker.process import Worker
from tests.failures.test_own_interpreter import old_interpreter
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["old_interpreter"]


@pytest.fixture
def module(tmp_path: Path) -> Module:
    """A module with a package of helpers beside its revisions."""
    root = project(tmp_path / "project", modules=("crm",))
    helpers = root / "modules" / "crm" / "helpers"
    helpers.mkdir()
    (helpers / "__init__.py").write_text("")
    (helpers / "naming.py").write_text("from . import deep\nNAME = deep.NAME\n")
    (helpers / "deep.py").write_text('NAME = "phone"\n')
    (helpers / "unused.py").write_text("")
    (helpers / "reading.py").write_text(
        "import functools\nfrom pathlib import Path\n\n\n@functools.lru_cache(None)\ndef read(name):\n"
        "    return (Path(__file__).parent / name).read_text()\n"
    )
    (helpers / "one.sql").write_text("SELECT 1")
    versions = versions_of(root, "crm")
    return Module(
        name="crm", path=versions.parent, schemas=("crm",), import_paths=(root / "modules" / "crm", root)
    )


def read(module: Module, interpreter: str | None = None) -> Mapping[str, tuple[str, ...]]:
    """The files of each revision besides its own, from one worker, in the order of the tree."""
    found = {}
    with Worker(interpreter) as worker:
        worker.open_module(module, 150000)
        for revision in read_tree(module).revisions:
            captured = capture(worker, module, revision, Direction.UPGRADE)
            assert captured.error is None, captured.error
            own = f"versions/{revision.key.revision}.py"
            files = {each.path: each.sha256 for each in captured.inputs}
            for path, digest in files.items():
                file = module.path / path
                assert digest == (hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "")
            assert own in files
            found[revision.key.revision] = tuple(path for path in files if path != own)
    return found


def two(module: Module, upgrade: str, header: str = "") -> None:
    """Two revisions that do the same: the second finds everything in memory; and one that does nothing."""
    write_revision(module.versions, "c1", upgrade=upgrade, header=header)
    write_revision(module.versions, "c2", after="c1", upgrade=upgrade, header=header)
    write_revision(module.versions, "c3", after="c2", upgrade="pass")


WAYS = {
    "from import": ("op.execute(NAME)", "from helpers.naming import NAME", ("naming", "deep")),
    "import inside": ("import helpers.naming", "", ("naming", "deep")),
    "import as": ("op.execute(n.NAME)", "import helpers.naming as n", ("naming", "deep")),
    "a module from its package": ("naming.NAME", "from helpers import naming", ("naming", "deep")),
    "importlib": ("importlib.import_module('helpers.naming')", "import importlib", ("naming", "deep")),
    "__import__": ("__import__('helpers.naming', fromlist=['NAME'])", "", ("naming", "deep")),
}


@pytest.mark.parametrize(("upgrade", "header", "files"), WAYS.values(), ids=WAYS)
def test_imports(module: Module, upgrade: str, header: str, files: tuple[str, ...]) -> None:
    two(module, upgrade, header)
    wanted = tuple(sorted(("../helpers/__init__.py", *(f"../helpers/{each}.py" for each in files))))
    assert read(module) == {"c1": wanted, "c2": wanted, "c3": ()}


def test_a_file_that_a_helper_reads_once_counts_for_both(module: Module) -> None:
    two(module, "op.execute(read('one.sql'))", "from helpers.reading import read")
    wanted = ("../helpers/__init__.py", "../helpers/one.sql", "../helpers/reading.py")
    assert read(module) == {"c1": wanted, "c2": wanted, "c3": ()}


OPENED = {
    "open": "open('{file}').read()",
    "bytes": "open(b'{file}', 'rb').read()",
    "os.open": "import os\nos.close(os.open('{file}', os.O_RDONLY))",
    "pathlib": "import pathlib\npathlib.Path('{file}').read_text()",
    "for both": "open('{file}', 'r+').close()",
}


@pytest.mark.parametrize("how", OPENED.values(), ids=OPENED)
def test_files(module: Module, how: str) -> None:
    file = module.path.parent / "helpers" / "one.sql"
    two(module, how.format(file=file))
    assert read(module)["c2"] == ("../helpers/one.sql",)


def test_what_is_only_written_does_not_count(module: Module) -> None:
    two(module, f"open({str(module.path / 'out.txt')!r}, 'w').close()")
    assert read(module)["c1"] == ()


def test_a_file_that_is_looked_for_and_is_not_there_counts(module: Module) -> None:
    """Whoever puts it there later changes what the revision does."""
    two(module, "try:\n    open(__file__ + '.local')\nexcept OSError:\n    pass")
    assert read(module)["c1"] == ("versions/c1.py.local",)


def test_libraries_do_not_count(module: Module) -> None:
    two(
        module,
        "op.create_table('t', sa.Column('id', sa.Integer))",
        "import json, sqlalchemy.dialects.postgresql",
    )
    assert read(module) == {"c1": (), "c2": (), "c3": ()}


def test_env_py_does_not_count_and_what_it_configures_does(module: Module) -> None:
    (module.path / "env.py").write_text(
        "from alembic import context\nfrom sqlalchemy import MetaData\nfrom helpers import naming\n\n"
        "def named(constraint, table):\n    return 'x'\n\n"
        "context.configure(target_metadata=MetaData(naming_convention={'ix': 'i_%(column_0_label)s', 'named': named}))\n"
    )
    two(module, "pass")
    with Worker() as worker:
        worker.open_module(module, 150000)
        worker.read_environment(module)
        options = worker.options["crm"]
    assert options == {"naming_convention.ix": "i_%(column_0_label)s", "naming_convention.named": "named"}
    assert read(module)["c1"] == ()


def test_a_compiled_file_stands_for_its_source(module: Module) -> None:
    two(module, "op.execute(NAME)", "from helpers.naming import NAME")
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    assert read(module) == read(module)  # the second process finds what the first has compiled


def test_a_helper_outside_of_the_project_counts_where_the_settings_name_it(
    module: Module, tmp_path: Path
) -> None:
    outside = tmp_path / "shared"
    outside.mkdir()
    (outside / "common.py").write_text("NAME = 1\n")
    other = Module(
        name="crm", path=module.path, schemas=("crm",), import_paths=(*module.import_paths, outside)
    )
    two(other, "import common")
    assert read(other)["c2"] == (os.path.relpath(outside / "common.py", module.path),)


def test_under_another_interpreter(module: Module, old_interpreter: Path) -> None:
    two(module, "op.execute(read('one.sql'))", "from helpers.reading import read")
    wanted = ("../helpers/__init__.py", "../helpers/one.sql", "../helpers/reading.py")
    assert read(module, str(old_interpreter)) == {"c1": wanted, "c2": wanted, "c3": ()}


@pytest.mark.timeout(60)
def test_a_device_or_a_pipe_has_no_bytes_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/dev/zero")
    assert [
        file_digest(each) for each in (Path("/dev/zero"), tmp_path / "pipe", tmp_path / "link", tmp_path)
    ] == [""] * 4


@pytest.mark.timeout(60)
def test_a_revision_may_read_a_device(module: Module) -> None:
    write_revision(
        versions_of(module.path.parents[2], "crm"),
        "c1",
        upgrade="with open('/dev/urandom', 'rb') as source:\n    source.read(8)",
    )
    read(module)
