"""Roles that may not do what a run needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from psycopg import sql

from coordinator.postgres.connect import connect
from tests.hostile.harness import PASSWORD, migrate, untouched, url

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl


def execute(database: DatabaseUrl, template: str, **names: str) -> None:
    """One statement, its {names} quoted."""
    with connect(database, application_name="test") as connection:
        quoted = {key: sql.Identifier(value) for key, value in names.items()}
        connection.execute(sql.SQL(template).format(**quoted))


@pytest.mark.parametrize("staging", ["embedded", "off"])
def test_a_role_that_may_make_nothing_changes_nothing(
    erp: Path, database: DatabaseUrl, login: str, shared_state: Path, staging: str
) -> None:
    address = url(database, user=login, password=PASSWORD)
    with untouched(database):
        migrate(erp, "all-modules", "--staging", staging, MIGRATE_DATABASE_URL=address).check(
            6, "permission denied for database", login, "migrate check --rights", "no module was touched"
        )


def test_a_role_that_may_make_nothing_can_look(
    erp: Path, database: DatabaseUrl, login: str, shared_state: Path
) -> None:
    address = url(database, user=login, password=PASSWORD)
    with untouched(database):
        migrate(erp, "plan", MIGRATE_DATABASE_URL=address).check(0, "crm:c1", "billing:b1")
        migrate(erp, "status", MIGRATE_DATABASE_URL=address).check(0, "1 pending")
        migrate(erp, "history", MIGRATE_DATABASE_URL=address).check(0)
        migrate(erp, "check", "--rights", MIGRATE_DATABASE_URL=address).check(1, login, "GRANT CREATE")


def test_a_role_that_may_only_select_can_look_at_what_another_role_migrated(
    erp: Path, database: DatabaseUrl, login: str, shared_state: Path
) -> None:
    migrate(erp, "all-modules", MIGRATE_DATABASE_URL=url(database)).check(0, "2 steps applied")
    address = url(database, user=login, password=PASSWORD)
    migrate(erp, "status", MIGRATE_DATABASE_URL=address).check(
        6, f"The role '{login}' may not read", "--rights"
    )
    for schema in ("crm", "billing", "migrate"):
        execute(database, "GRANT USAGE ON SCHEMA {schema} TO {login}", schema=schema, login=login)
        execute(
            database, "GRANT SELECT ON ALL TABLES IN SCHEMA {schema} TO {login}", schema=schema, login=login
        )
    migrate(erp, "status", MIGRATE_DATABASE_URL=address).check(0, "every revision of this checkout is in")
    migrate(erp, "history", "1", MIGRATE_DATABASE_URL=address).check(0, "run 1: applied", "crm:c1")
    migrate(erp, "all-modules", MIGRATE_DATABASE_URL=address).check(0, "nothing to do")


def test_a_staging_role_that_may_not_make_databases_touches_nothing(
    erp: Path, database: DatabaseUrl, login: str, target: str
) -> None:
    with untouched(database):
        migrate(erp, "all-modules", "--staging", target, MIGRATE_DATABASE_URL=target).check(
            6, "may not create databases", "ALTER ROLE … CREATEDB"
        )


def test_a_role_without_superuser_rehearses_on_the_targets_own_server(
    erp: Path, database: DatabaseUrl, login: str, target: str
) -> None:
    execute(database, "ALTER ROLE {login} CREATEDB", login=login)
    migrate(erp, "all-modules", "--staging", target, MIGRATE_DATABASE_URL=target).check(
        0, "rehearsed on server postgresql://", "2 steps applied"
    )
