"""The house rules: layers, one owner for each library, no package roots; and the checker finds what breaks them."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

COORDINATOR = Path(__file__).resolve().parent.parent / "coordinator"

# Top to bottom. Imports point down only; what shares a line never imports its neighbour.
LAYERS: tuple[frozenset[str], ...] = tuple(
    frozenset(line.split())
    for line in (
        "__main__",
        "cli",
        "workflow",
        "checks",
        "execution",
        "planning impact",
        "graph",
        "mapfile revisions staging ledger reports snapshots certificates repository sources squawk",
        "worker postgres sql",
        "settings",
        "temporary",
        "errors whole_file",
        "model",
    )
)

# Who alone may import a library, in the function that needs it or at the top. A library without a line has no
# owner yet, and importing it is a violation.
OWNERS = {
    "click": "cli",
    "rich": "cli",
    "networkx": "graph",
    "markdown_it": "mapfile",
    "testcontainers": "staging",
    "docker": "staging",
    "psycopg": "postgres",
    "postgast": "sql",
    "sqlalchemy": "worker",
    "alembic": "worker",
    "cryptography": "certificates",
}
# `postgres` hands out connections, so others may name their type; they import nothing of it when they run.
TYPES_FOR_ALL = frozenset({"psycopg"})
CHILD_LIBRARIES = frozenset({"sqlalchemy", "alembic"})
CHILD = "coordinator.worker.child"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One import: `module` is what is really loaded, `name` what is taken from it (None: the module itself)."""

    importer: str
    file: Path
    line: int
    module: str
    name: str | None
    typing_only: bool

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Every module of the package in `root`, and every import in it."""

    root: Path
    modules: dict[str, Path]
    imports: tuple[Import, ...]

    def is_package(self, module: str) -> bool:
        return module in self.modules and self.modules[module].name == "__init__.py"


def read_house(root: Path) -> House:
    """Parse everything below `root`, a folder named coordinator."""
    modules = {_module_name(root, file): file for file in sorted(root.rglob("*.py"))}
    found = tuple(
        each for module, file in modules.items() for each in _imports(module, file, frozenset(modules))
    )
    return House(root=root, modules=modules, imports=found)


def _module_name(root: Path, file: Path) -> str:
    parts = file.relative_to(root.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _imports(importer: str, file: Path, known: frozenset[str]) -> Iterator[Import]:
    tree = ast.parse(file.read_text(encoding="utf-8"), str(file))
    for node, typing_only in _import_nodes(tree, typing_only=False):
        if isinstance(node, ast.Import):
            wanted: list[tuple[str, str | None]] = [(each.name, None) for each in node.names]
        else:
            base = _absolute(importer, node, is_package=file.name == "__init__.py")
            # `from coordinator.x import y` loads coordinator.x.y when that is a module, else takes a name of x.
            wanted = [
                (f"{base}.{each.name}", None) if f"{base}.{each.name}" in known else (base, each.name)
                for each in node.names
            ]
        for module, name in wanted:
            yield Import(
                importer=importer,
                file=file,
                line=node.lineno,
                module=module,
                name=name,
                typing_only=typing_only,
            )


def _import_nodes(node: ast.AST, *, typing_only: bool) -> Iterator[tuple[ast.Import | ast.ImportFrom, bool]]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node, typing_only
    elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
        for guarded in node.body:
            yield from _import_nodes(guarded, typing_only=True)
        for other in node.orelse:
            yield from _import_nodes(other, typing_only=typing_only)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _import_nodes(child, typing_only=typing_only)


def _absolute(importer: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = importer.split(".")
    kept = parts[: len(parts) - node.level + is_package]
    return ".".join([*kept, *([node.module] if node.module else [])])


def violations(house: House) -> tuple[str, ...]:
    """Every broken rule, one sentence each, with its place."""
    rules = (_unlisted, _inits, _layers, _package_roots, _owners, _child_files)
    return tuple(sentence for rule in rules for sentence in rule(house))


def _part(module: str) -> str:
    """The package or top-level file that a module belongs to; "" is the root itself."""
    return module.split(".")[1] if "." in module else ""


def _depth(part: str) -> int | None:
    return next((depth for depth, layer in enumerate(LAYERS) if part in layer), None)


def _unlisted(house: House) -> Iterator[str]:
    there = {_part(module) for module in house.modules} - {""}
    yield from (f"coordinator/{each} stands in no layer" for each in sorted(there) if _depth(each) is None)
    listed = frozenset().union(*LAYERS)
    yield from (f"the layers name {each!r}, which is not there" for each in sorted(listed - there))


def _inits(house: House) -> Iterator[str]:
    for module, file in house.modules.items():
        if file.name != "__init__.py":
            continue
        body = ast.parse(file.read_text(encoding="utf-8")).body
        if not body or not isinstance(body[0], ast.Expr) or not isinstance(body[0].value, ast.Constant):
            yield f"{file}:1 has no docstring"
        rest = [each for each in body[1:] if not (module == "coordinator" and _is_version(each))]
        yield from (f"{file}:{each.lineno} holds more than a docstring" for each in rest)


def _is_version(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and [ast.unparse(each) for each in node.targets] == ["__version__"]


def _layers(house: House) -> Iterator[str]:
    for each in house.imports:
        upper, lower = _depth(_part(each.importer)), _depth(_part(each.module))
        ours = each.module.split(".")[0] == "coordinator" and _part(each.importer) != _part(each.module)
        if ours and upper is not None and lower is not None and upper >= lower:
            how = "its neighbour" if upper == lower else "upwards,"
            yield f"{each.place} {_part(each.importer)} imports {how} {each.module}"


def _package_roots(house: House) -> Iterator[str]:
    for each in house.imports:
        if not house.is_package(each.module) or (each.module, each.name) == ("coordinator", "__version__"):
            continue
        if each.name is not None or each.module != "coordinator":
            yield f"{each.place} imports through the package root {each.module}"


def _owners(house: House) -> Iterator[str]:
    for each in house.imports:
        library = each.module.split(".")[0]
        if library == "coordinator" or library in sys.stdlib_module_names:
            continue
        if library in TYPES_FOR_ALL and each.typing_only:
            continue
        owner = OWNERS.get(library)
        if owner is None:
            yield f"{each.place} imports {library}, which has no owner"
        elif owner != _part(each.importer):
            yield f"{each.place} imports {library}, which belongs to {owner}"


def child_modules(house: House) -> frozenset[str]:
    """What the worker's process loads of ours: all that can be reached from worker/child.py while it runs."""
    reached: set[str] = set()
    waiting = [CHILD] if CHILD in house.modules else []
    while waiting:
        module = waiting.pop()
        if module not in reached:
            reached.add(module)
            waiting.extend(
                each.module
                for each in house.imports
                if each.importer == module and not each.typing_only and each.module in house.modules
            )
    return frozenset(reached)


def _child_files(house: House) -> Iterator[str]:
    children = child_modules(house)
    for each in house.imports:
        library = each.module.split(".")[0]
        if each.importer in children:
            ours = library == "coordinator" and _part(each.module) == "worker"
            if not ours and library not in CHILD_LIBRARIES and library not in sys.stdlib_module_names:
                yield f"{each.place} runs in the worker's process and imports {each.module}"
        elif library in CHILD_LIBRARIES and not each.typing_only:
            yield f"{each.place} imports {library} outside the worker's process"


@pytest.fixture(scope="module")
def house() -> House:
    return read_house(COORDINATOR)


def test_the_house_keeps_its_rules(house: House) -> None:
    assert violations(house) == ()


def test_every_file_of_the_package_is_read(house: House) -> None:
    assert len(house.modules) == len(list(COORDINATOR.rglob("*.py")))
    assert {"coordinator", "coordinator.cli.main", CHILD} <= house.modules.keys()
    assert len(house.imports) > len(house.modules)


def test_files_of_the_worker_process_are_found_and_can_be_read_by_python_3_8(house: House) -> None:
    children = child_modules(house)
    assert {CHILD, "coordinator.worker.dbapi", "coordinator.worker.protocol"} <= children
    assert "coordinator.worker.process" not in children
    for module in children:
        ast.parse(house.modules[module].read_text(encoding="utf-8"), feature_version=(3, 8))


PLANTS = {
    "an import that points up": (
        "graph/a.py",
        "from coordinator.planning.x import y",
        "graph imports upwards, coordinator.planning.x",
    ),
    "an import that points up, for types only": (
        "model/a.py",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import coordinator.settings.x",
        "model imports upwards, coordinator.settings.x",
    ),
    "an import that points up, inside a function": (
        "sql/a.py",
        "def f():\n    from coordinator.ledger import x",
        "sql imports upwards, coordinator.ledger",
    ),
    "a sibling": (
        "mapfile/a.py",
        "from coordinator.revisions.x import y",
        "mapfile imports its neighbour coordinator.revisions.x",
    ),
    "a sibling by a relative import": (
        "staging/a.py",
        "from ..ledger.x import y",
        "staging imports its neighbour coordinator.ledger.x",
    ),
    "a package above, taken from the root": (
        "errors.py",
        "from coordinator import cli",
        "errors imports upwards, coordinator.cli",
    ),
    "a name taken from a package root": (
        "cli/a.py",
        "from coordinator.model import Plan",
        "imports through the package root coordinator.model",
    ),
    "a package without a layer": (
        "notes/__init__.py",
        '"""Notes."""',
        "coordinator/notes stands in no layer",
    ),
    "a top-level file without a layer": ("utils.py", "", "coordinator/utils stands in no layer"),
    "code in an __init__": ("graph/__init__.py", '"""Graph."""\nNAMES = ()', "holds more than a docstring"),
    "an __init__ without a docstring": ("graph/__init__.py", "", "has no docstring"),
    "a library in the wrong package": (
        "planning/a.py",
        "import networkx as nx",
        "imports networkx, which belongs to graph",
    ),
    "a part of a library in the wrong package": (
        "cli/a.py",
        "def f():\n    from psycopg.rows import x",
        "imports psycopg, which belongs to postgres",
    ),
    "a library that nobody owns": ("cli/a.py", "import requests", "imports requests, which has no owner"),
    "sqlalchemy in the coordinator's half of the worker": (
        "worker/process.py",
        "import sqlalchemy",
        "imports sqlalchemy outside the worker's process",
    ),
    "the worker's process reaching out of its package": (
        "worker/far.py",
        "from coordinator.model.x import y",
        "runs in the worker's process and imports coordinator.model.x",
    ),
}


@pytest.mark.parametrize(("file", "text", "expected"), PLANTS.values(), ids=PLANTS)
def test_a_planted_violation_is_found(tmp_path: Path, file: str, text: str, expected: str) -> None:
    root = _small_house(tmp_path)
    (root / file).parent.mkdir(exist_ok=True)
    (root / file).write_text(text + "\n", encoding="utf-8")
    found = violations(read_house(root))
    assert any(expected in each for each in found), found


def test_a_house_that_keeps_the_rules_has_no_violation(tmp_path: Path) -> None:
    root = _small_house(tmp_path)
    (root / "cli" / "a.py").write_text(
        "from __future__ import annotations\n"
        "from typing import TYPE_CHECKING\n"
        "import click\n"
        "from coordinator import __version__\n"
        "from coordinator.worker import far\n"
        "if TYPE_CHECKING:\n    import psycopg\n",
        encoding="utf-8",
    )
    assert violations(read_house(root)) == ()


def _small_house(folder: Path) -> Path:
    root = folder / "coordinator"
    for name in sorted(frozenset().union(*LAYERS) - {"__main__", "errors"}):
        (root / name).mkdir(parents=True)
        (root / name / "__init__.py").write_text('"""A package."""\n', encoding="utf-8")
    (root / "__init__.py").write_text('"""The whole."""\n\n__version__ = "1"\n', encoding="utf-8")
    (root / "__main__.py").write_text("from coordinator.cli.x import main\n", encoding="utf-8")
    (root / "errors.py").write_text("import enum\n", encoding="utf-8")
    (root / "worker" / "child.py").write_text("import alembic\nfrom . import far\n", encoding="utf-8")
    (root / "worker" / "far.py").write_text("import json\n", encoding="utf-8")
    return root
