"""Which modules there are: the folders beside the settings file, completed by the settings."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from coordinator.model.module import Baseline, Module
from coordinator.settings import forms

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.settings.forms import Problems

# What tells a folder of Alembic's from another one. A tree whose `versions` got lost on the way here is still a
# module, so that its absence is told and not taken for "nothing pending".
_TREE = ("versions", "env.py", "script.py.mako", "alembic.ini")
_BASELINE_FORMS = {"sql": forms.text, "revision": forms.text}
MODULE_KEYS: dict[str, forms.Form] = {
    "path": forms.text,
    "schemas": forms.some_texts,
    "version_table": forms.text,
    "owner": forms.text,
    "naming_convention": forms.reference,
    "sources": forms.texts,
    "interpreter": forms.text,
    "baseline": forms.any_table,
    "import_paths": forms.texts,
    "keep": forms.boolean,
}


def read_modules(root: Path, raw: Mapping[str, Any], problems: Problems) -> tuple[Module, ...]:
    """Every `modules/*/migrations` that holds an Alembic tree, and every module of the settings; by name."""
    found = _folders(root)
    modules = []
    for name in sorted({*found, *raw}):
        if not name or ":" in name:
            problems.add(("modules", name), f"A module cannot be called {name!r}: a name has no colon in it.")
            continue
        at = ("modules", name)
        values = forms.read_table(raw[name], MODULE_KEYS, at, problems) if name in raw else {}
        modules.append(_module(root, name, found.get(name), values, problems))
    _refuse_shared_schemas(modules, raw, problems)
    return tuple(modules)


def _folders(root: Path) -> dict[str, Path]:
    return {
        folder.parent.name: folder
        for folder in sorted((root / "modules").glob("*/migrations"))
        if not folder.parent.name.startswith(".") and any((folder / name).exists() for name in _TREE)
    }


def _module(root: Path, name: str, found: Path | None, values: dict[str, Any], problems: Problems) -> Module:
    folder = found or root / "modules" / name / "migrations"
    path = below(root, values["path"]) if "path" in values else folder
    return Module(
        name=name,
        path=path,
        schemas=values.get("schemas", (name,)),
        version_table=values.get("version_table"),
        owner=values.get("owner"),
        naming_convention=values.get("naming_convention"),
        sources=_paths(root, values, "sources", (path.parent,)),
        interpreter=_interpreter(root, values.get("interpreter")),
        baseline=_baseline(root, name, values.get("baseline"), problems),
        import_paths=_paths(root, values, "import_paths", (path.parent, root)),
        keep=values.get("keep", True),
    )


def _paths(root: Path, values: dict[str, Any], key: str, default: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(below(root, each) for each in values[key]) if key in values else default


def _interpreter(root: Path, text: str | None) -> str | None:
    """A path is relative to the settings file; a bare name such as python3.12 is looked for on PATH."""
    return text if text is None or os.sep not in text else str(below(root, text))


def _baseline(root: Path, name: str, raw: dict[str, Any] | None, problems: Problems) -> Baseline | None:
    if raw is None:
        return None
    at = ("modules", name, "baseline")
    before = len(problems.lines)
    values = forms.read_table(raw, _BASELINE_FORMS, at, problems)
    missing = [key for key in _BASELINE_FORMS if key not in raw]
    if missing:
        problems.add(
            at, f'A baseline needs {" and ".join(missing)}: {{ sql = "baseline.sql", revision = "9c…" }}.'
        )
    if len(problems.lines) > before:
        return None
    return Baseline(sql=below(root, values["sql"]), revision=values["revision"])


def below(root: Path, text: str) -> Path:
    """A path written in the settings. Links are kept: a virtual environment's python is one."""
    return Path(os.path.normpath(root / Path(text).expanduser()))


def _refuse_shared_schemas(modules: list[Module], raw: Mapping[str, Any], problems: Problems) -> None:
    owners: dict[str, Module] = {}
    for module in modules:
        for schema in dict.fromkeys(module.schemas):
            other = owners.setdefault(schema, module)
            if other is not module:
                guilty = module if module.name in raw or other.name not in raw else other
                problems.add(
                    ("modules", guilty.name, "schemas"),
                    f"Modules {other.name!r} ({other.path}) and {module.name!r} ({module.path}) both own "
                    f"schema {schema!r}; a schema has one owner. Give one of them other `schemas`.",
                )
