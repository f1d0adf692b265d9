"""The step that an integrity check looks at, and the modules around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.module import Module
    from coordinator.model.plan import Step


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """The step that has just run, and the modules around it."""

    step: Step
    module: Module
    modules: tuple[Module, ...]
    owners: Mapping[str, str]  # schema -> name of the module that owns it
