"""The integrity checks of a run, with what authors waived."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from coordinator.checks.integrity.as_before import AsBefore
from coordinator.checks.integrity.as_certified import as_certified
from coordinator.checks.integrity.registry import INTEGRITY_CHECKS
from coordinator.checks.integrity.waived import with_waivers

if TYPE_CHECKING:
    from coordinator.execution.checking import IntegrityCheck
    from coordinator.execution.project import Project


def integrity_checks(project: Project) -> tuple[IntegrityCheck, ...]:
    """The checks that run after each step; a finding that its revision waives today is a note."""
    checks = (*INTEGRITY_CHECKS, AsBefore(project.touched)) if project.touched else INTEGRITY_CHECKS
    found = with_waivers(checks, project.trees, datetime.datetime.now(datetime.UTC).date())
    # What was certified is no matter of its author's opinion: it cannot be waived.
    return (*found, as_certified(project.certified)) if project.certified else found
