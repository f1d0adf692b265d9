"""The harness of the failing runs: a project, an empty target, one staging server for all rehearsals."""

from __future__ import annotations

from tests.failures.conftest import role, site, state_directory

__all__ = ["role", "site", "state_directory"]
