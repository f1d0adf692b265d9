"""A project on an empty target whose commands run in this process."""

from __future__ import annotations

from tests.deploy.conftest import desk, state_directory

__all__ = ["desk", "state_directory"]
