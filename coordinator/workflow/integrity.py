"""The integrity checks of a run, with what authors waived."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from coordinator.checks.integrity.registry import INTEGRITY_CHECKS
from coordinator.checks.integrity.waived import with_waivers

if TYPE_CHECKING:
    from coordinator.execution.project import Project
    from coordinator.execution.step import IntegrityCheck


def integrity_checks(project: Project) -> tuple[IntegrityCheck, ...]:
    """The checks that run after each step; a finding that its revision waives today is a note."""
    return with_waivers(INTEGRITY_CHECKS, project.trees, datetime.datetime.now(datetime.UTC).date())
