"""The modules' trees, read from their files; computed names are asked of the worker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import SettingsError
from coordinator.execution.project import Project
from coordinator.revisions.reader import read_trees

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.execution.workers import Workers
    from coordinator.model.module import Module
    from coordinator.settings.values import Settings

# What authors' code is told of the server when none has been asked yet.
ASSUMED_SERVER = 150000


def load_project(settings: Settings, workers: Workers) -> Project:
    """Read every module's tree. Raises RevisionError with every problem of every tree, SettingsError for no module.

    A checkout without modules is a mistake, such as a folder that was not copied into an image: "nothing to do"
    would turn a deploy green that has done nothing.
    """
    if not settings.modules:
        raise SettingsError(
            f"There is no module: no folder modules/NAME/migrations below {settings.root} holds an Alembic tree,"
            f" and {settings.file} names none.",
            help="Start the command where the modules are, or say where they lie: [tool.migrate.modules.NAME] path.",
        )

    def header_of(module: Module, file: Path) -> Mapping[str, object]:
        return workers.for_module(module, ASSUMED_SERVER).header(module, file)

    return Project(trees=read_trees(settings.modules, header_of=header_of))
