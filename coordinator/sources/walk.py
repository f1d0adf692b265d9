"""Which files below the modules' source folders are worth reading, and which were left out and why."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.module import Module

LARGEST = 1_000_000  # bytes; what is larger was not written by hand
_NOT_OURS = frozenset(
    {
        ".git", ".hg", ".svn", ".venv", "venv", "node_modules", "__pycache__", "site-packages", ".tox", ".nox",
        ".mypy_cache", ".ruff_cache", ".pytest_cache", ".migrate", ".idea", ".vscode", ".terraform", "bower_components",
        ".eggs", ".cache", ".next", ".nuxt",
    }
)  # fmt: skip
PYTHON = frozenset({".py", ".pyi"})
SQL = frozenset({".sql", ".psql", ".pgsql"})
WORDS = frozenset(
    {
        ".html", ".htm", ".xhtml", ".jinja", ".jinja2", ".j2", ".tmpl", ".tpl", ".mustache", ".hbs", ".liquid", ".erb",
        ".mako", ".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".vue", ".svelte", ".yaml", ".yml", ".json", ".toml",
        ".ini", ".cfg", ".xml", ".graphql", ".gql", ".go", ".java", ".kt", ".kts", ".rb", ".php", ".cs", ".rs",
        ".scala", ".ex", ".exs", ".sh", ".proto", ".prisma", ".ipynb", ".r", ".pl", ".swift", ".dart", ".lua",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a module's own code."""

    path: str
    module: str
    kind: str  # its suffix, in lower case


@dataclass(slots=True)
class LeftOut:
    """What was not read. `counts` are files by reason; `missing` are folders that are not there."""

    counts: Counter[str] = field(default_factory=Counter)
    large: list[str] = field(default_factory=list)
    missing: list[tuple[str, str]] = field(default_factory=list)  # (module, folder)

    def sentences(self) -> tuple[str, ...]:
        """One sentence for each reason."""
        told = [
            f"the sources of module '{module}' are not there: {folder}" for module, folder in self.missing
        ]
        if self.large:
            shown = ", ".join(sorted(self.large)[:3])
            more = f" and {len(self.large) - 3} more" if len(self.large) > 3 else ""
            told.append(f"files larger than {LARGEST // 1_000_000} MB were not read: {shown}{more}")
        told.extend(f"{number} files were not read: {why}" for why, number in sorted(self.counts.items()))
        return tuple(told)


def source_files(modules: Sequence[Module], left_out: LeftOut) -> Iterator[SourceFile]:
    """Every file of the modules' sources, each once, with the module whose folder lies nearest; sorted.

    Migrations are left out: what they do is known from themselves. So are folders of other people's code, and links
    to folders: nothing is read twice and no loop is entered.
    """
    roots = _roots(modules, left_out)
    trees = {os.path.realpath(module.path) for module in modules}
    tops = {
        root for root in roots if not any(root.startswith(other + os.sep) for other in roots if other != root)
    }
    for top in sorted(tops):
        yield from _below(top, roots[top], roots, trees)


def _roots(modules: Sequence[Module], left_out: LeftOut) -> dict[str, str]:
    """Each real source folder (or file) and its module; of several modules that name the same one, the first."""
    roots: dict[str, str] = {}
    for module in modules:
        for source in module.sources:
            if not source.exists():
                left_out.missing.append((module.name, os.fspath(source)))
            else:
                roots.setdefault(os.path.realpath(source), module.name)
    return roots


def _below(folder: str, module: str, roots: dict[str, str], trees: set[str]) -> Iterator[SourceFile]:
    if os.path.isfile(folder):
        yield _file(folder, module)
        return
    waiting = [(folder, module)]
    while waiting:
        here, owner = waiting.pop()
        try:
            entries = sorted(os.scandir(here), key=lambda each: each.name)
        except OSError:
            continue
        if any(each.name == "pyvenv.cfg" for each in entries):
            continue
        folders = []
        for each in entries:
            if each.is_symlink():
                continue
            if each.is_dir(follow_symlinks=False):
                if each.name not in _NOT_OURS and each.path not in trees:
                    folders.append((each.path, roots.get(each.path, owner)))
            elif (
                each.is_file(follow_symlinks=False) and Path(each.name).suffix.lower() in PYTHON | SQL | WORDS
            ):
                yield _file(each.path, owner)
        waiting.extend(reversed(folders))


def _file(path: str, module: str) -> SourceFile:
    return SourceFile(path, module, Path(path).suffix.lower())


def read_source(file: SourceFile, left_out: LeftOut) -> bytes | None:
    """The file's bytes; None when it is too large, no text, or cannot be read."""
    try:
        with open(file.path, "rb") as opened:
            content = opened.read(LARGEST + 1)
    except OSError as error:
        left_out.counts[error.strerror or "they cannot be read"] += 1
        return None
    if len(content) > LARGEST:
        left_out.large.append(file.path)
        return None
    if b"\0" not in content[:8192]:
        return content
    if file.kind in SQL:
        left_out.counts["they are no UTF-8"] += 1
    return None
