"""What a role has set for its applications does not decide how a run ends; what forbids writing is said before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.failures.roles import make_role
from tests.failures.shop import STEPS, build_shop, sleeping
from tests.failures.test_rights import ENOUGH

if TYPE_CHECKING:
    from tests.failures.site import Site

# A trap for every name that is not written with its schema.
TRAP = """
CREATE SCHEMA trap;
CREATE TABLE trap.customers (id int, email text, nick text);
CREATE TABLE trap.pg_class (oid oid, relname name);
CREATE FUNCTION trap.pg_backend_pid() RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION trap.current_setting(text, boolean) RETURNS text LANGUAGE sql AS $$ SELECT 'trapped'::text $$;
GRANT USAGE ON SCHEMA trap TO PUBLIC; GRANT SELECT ON ALL TABLES IN SCHEMA trap TO PUBLIC
"""


@pytest.mark.parametrize(
    "settings",
    [
        "SET statement_timeout = '200ms'",
        "SET idle_in_transaction_session_timeout = '200ms'",
        "SET idle_session_timeout = '200ms'",
        "SET lock_timeout = '1ms'",
        "SET search_path = trap, pg_catalog",
        "SET default_transaction_isolation = 'serializable'",
        "SET DateStyle = 'German'",
    ],
    ids=lambda settings: settings.split()[1],
)
def test_a_setting_of_the_role_does_not_end_a_run(site: Site, role: str, settings: str) -> None:
    build_shop(site, ("billing", sleeping(0.5)))
    site.execute(TRAP)
    url = make_role(site, role, *ENOUGH)
    site.execute(f"ALTER ROLE {role} {settings}")

    done = site.migrate("all-modules", "--staging", "off", url=url)

    assert done.code == 0, done.err
    assert f"{len(STEPS)} steps applied" in done.said
    assert site.value("SELECT count(*) FROM trap.customers") == 0
    assert site.migrate("status", url=url).code == 0


def test_a_role_that_may_only_read_is_told_so_before_anything_is_written(site: Site, role: str) -> None:
    build_shop(site)
    url = make_role(site, role, *ENOUGH)
    site.execute(f"ALTER ROLE {role} SET default_transaction_read_only = on")
    before = site.picture()

    refused = site.migrate("all-modules", "--staging", "off", url=url)

    assert refused.code == 1, refused.err
    assert "default_transaction_read_only" in refused.said
    assert f"ALTER ROLE {role}" in refused.said
    assert site.picture() == before
    assert not site.has_ledger()
    assert site.migrate("status", url=url).code == 0
    site.execute(f"ALTER ROLE {role} RESET default_transaction_read_only")
    assert site.migrate("all-modules", "--staging", "off", url=url).code == 0
