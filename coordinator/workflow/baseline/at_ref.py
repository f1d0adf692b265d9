"""The modules' trees as a commit of the repository holds them, laid out in a folder so that they can be run."""

from __future__ import annotations

import re
import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.errors import UsageError
from coordinator.repository.command import GitError
from coordinator.repository.git import files_at, toplevel

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.model.module import Module
    from coordinator.settings.values import Settings

_INI = "alembic.ini"
_ODD = re.compile(r"\W")  # in a module's name, which becomes a folder's


@dataclass(frozen=True, slots=True, kw_only=True)
class ModulesAt:
    """`modules` have their trees in a folder of ours, or where they are; `absent` had none at that commit."""

    modules: tuple[Module, ...]
    absent: tuple[str, ...] = ()


def modules_at(settings: Settings, ref: str, folder: Path) -> ModulesAt:
    """Write what `ref` holds of each module below `folder`. Raises GitError for a ref that does not exist.

    A module whose tree lies in another repository is taken as it is checked out: the ref says nothing of it.
    """
    top = toplevel(settings.root)
    modules: list[Module] = []
    absent: list[str] = []
    for number, module in enumerate(settings.modules):
        if _elsewhere(module, top):
            modules.append(module)
            continue
        files = files_at(settings.root, ref, module.path)
        if not any(name.startswith("versions/") for name in files):
            absent.append(module.name)
            continue
        own = folder / f"{number}-{_ODD.sub('_', module.name)}"
        modules.append(replace(module, path=_laid_out(module, files, own)))
    return ModulesAt(modules=tuple(modules), absent=tuple(absent))


def _elsewhere(module: Module, top: Path) -> bool:
    try:
        return toplevel(module.path) != top
    except GitError:
        return True


def _laid_out(module: Module, files: Mapping[str, bytes], own: Path) -> Path:
    """The module's folder with these files, and the settings of its Alembic beside it."""
    path = own / "migrations"
    for name, content in files.items():
        target = path / name
        if not target.resolve().is_relative_to(path.resolve()):
            raise UsageError(f"The repository holds {name!r}, which leads out of module {module.name!r}.")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    if (module.path.parent / _INI).is_file():
        shutil.copyfile(module.path.parent / _INI, own / _INI)
    return path
