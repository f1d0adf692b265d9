"""A login that deploys and is no superuser, with exactly the rights that a test gives it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.postgres.url import show

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl
    from tests.failures.site import Site

_PASSWORD = "only-for-tests"


def make_role(site: Site, name: str, *grants: str) -> DatabaseUrl:
    """Make the role and give it these rights, written with {role}; its address for the site's target."""
    site.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{_PASSWORD}'")
    for each in grants:
        site.execute(each.format(role=name, database=site.url.parameters["dbname"]))
    parameters = {**site.url.parameters, "user": name, "password": _PASSWORD}
    return replace(site.url, parameters=parameters, shown=show(parameters))


def drop_role(site: Site, name: str) -> None:
    """Drop the role; what it owned goes to the superuser."""
    site.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER")
    site.execute(f"DROP OWNED BY {name}")
    site.execute(f"DROP ROLE {name}")
