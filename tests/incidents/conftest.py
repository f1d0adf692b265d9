"""The harness of the failure tests: a project on an empty target, and a role that deploys."""

from tests.failures.conftest import role, site, state_directory

__all__ = ["role", "site", "state_directory"]
