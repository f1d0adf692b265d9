"""The fixtures of the failing runs: a project on an empty target, and a staging server for the rehearsals."""

from __future__ import annotations

from tests.failures.conftest import role, site, state_directory

__all__ = ["role", "site", "state_directory"]
