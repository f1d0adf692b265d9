"""Indexes of a step that failed are dropped whatever the deploying role is set to and whosever they are."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.failures.roles import make_role
from tests.recovery.test_lone_steps import BLOCK, INVALID, SLEEPER, UNREHEARSED, execute, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.failures.site import Site

DOWN = (execute("DROP INDEX CONCURRENTLY IF EXISTS crm.ix", alone=True),)
# Nobody waits in a lock's queue for it, so it is seen by what it waits for.
DROP_WAITS = (
    "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database()"
    " AND query LIKE 'DROP INDEX CONCURRENTLY%' AND wait_event_type = 'Lock')"
)


@pytest.fixture
def owner(site: Site, role: str) -> Iterator[str]:
    """A role without a login that owns what the module has."""
    name = f"{role}_owner"
    site.execute(f"CREATE ROLE {name}")
    yield name
    site.execute(f"REASSIGN OWNED BY {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}")


def test_a_lock_timeout_of_the_role_does_not_end_the_drop_of_a_failed_build(site: Site, role: str) -> None:
    write(site, (execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)", alone=True),), DOWN)
    url = make_role(site, role, "ALTER ROLE {role} SUPERUSER", "ALTER ROLE {role} SET lock_timeout = '300ms'")
    with site.session() as reader:
        reader.execute("BEGIN; SELECT FROM crm.t")
        process = site.start(*UNREHEARSED, url=url)
        site.await_value(DROP_WAITS)
        time.sleep(1)
        reader.execute("ROLLBACK")
        ended = site.end(process)
    assert ended.code == 3, ended.err
    assert "could not create unique index" in ended.said
    assert site.value(INVALID) == 0


def test_a_lock_timeout_of_the_role_does_not_end_the_drop_by_recover(site: Site, role: str) -> None:
    block = "op.execute('CREATE INDEX CONCURRENTLY ix ON t (a)'); op.execute('SELECT pg_sleep(60)')"
    write(site, (f"{BLOCK}{block}",), DOWN)
    url = make_role(site, role, "ALTER ROLE {role} SUPERUSER", "ALTER ROLE {role} SET lock_timeout = '300ms'")
    process = site.start(*UNREHEARSED, url=url)
    site.await_value(SLEEPER)
    process.kill()
    process.communicate()
    with site.session() as reader:
        reader.execute("BEGIN; SELECT FROM crm.t")
        process = site.start("recover", "--abort", url=url)
        site.await_value(DROP_WAITS)
        time.sleep(1)
        reader.execute("ROLLBACK")
        ended = site.end(process)
    assert ended.code == 0, ended.err
    assert site.value("SELECT to_regclass('crm.ix') IS NULL")


@pytest.mark.parametrize("how", ["it fails", "it is killed"])
def test_an_index_of_an_owner_whose_rights_are_not_inherited_is_dropped(
    site: Site, role: str, owner: str, how: str
) -> None:
    block = "op.execute('CREATE INDEX CONCURRENTLY ix ON t (b)'); op.execute('SELECT 1 / 0')"
    write(site, (f"{BLOCK}{block if how == 'it fails' else block.replace('1 / 0', 'pg_sleep(60)')}",), DOWN)
    file = site.root / "pyproject.toml"
    file.write_text(f'{file.read_text()}\n[tool.migrate.modules.crm]\nowner = "{owner}"\n')
    url = make_role(
        site,
        role,
        f"GRANT {owner} TO {{role}}",
        "ALTER ROLE {role} NOINHERIT",
        "GRANT CREATE ON DATABASE {database} TO {role}",
        f"ALTER SCHEMA crm OWNER TO {owner}",
        f"ALTER TABLE crm.t OWNER TO {owner}",
        "GRANT USAGE, CREATE ON SCHEMA crm TO {role}",
        "GRANT SELECT ON crm.t TO {role}",
    )
    process = site.start(*UNREHEARSED, url=url)
    if how == "it is killed":
        site.await_value(SLEEPER)
        process.kill()
        process.communicate()
        ended = site.migrate("recover", "--abort", url=url)
        assert ended.code == 0, ended.err
    else:
        ended = site.end(process)
        assert ended.code == 3, ended.err
        assert "division by zero" in ended.said
    assert site.value("SELECT to_regclass('crm.ix') IS NULL")
