"""The project and the target of a test, as for runs that fail."""

from __future__ import annotations

from tests.failures.conftest import role, site, state_directory

__all__ = ["role", "site", "state_directory"]
