"""A COMMIT whose answer was lost on the way, through a real proxy: the row written in that very transaction tells."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.failures.shop import BREAKS, STEPS, build_shop
from tests.incidents.patched import patched
from tests.manners.street import build_street
from tests.recovery.proxy import Cut, CuttingProxy, Seen
from tests.recovery.test_lone_steps import execute, write
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.failures.site import Site

ALL_IN = {
    "agenda.alembic_version": ("a1",),
    "billing.alembic_version": ("b2",),
    "crm.alembic_version": ("c2",),
}


def at_commit(number: int, cut: Cut) -> Callable[[Seen], Cut | None]:
    """Cut at the so-manieth COMMIT of the run."""
    return lambda seen: cut if seen == Seen(text="COMMIT", count=number) else None


@pytest.mark.parametrize(("atomic", "number"), [("run", 1), ("step", 1), ("step", 2), ("step", 3)])
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_a_lost_commit_is_all_in_or_as_before(site: Site, atomic: str, number: int, cut: Cut) -> None:
    build_shop(site)
    before = site.picture()
    with CuttingProxy(site.url, at_commit(number, cut)) as proxy:
        ended = site.migrate("all-modules", "--atomic", atomic, "--staging", "off", url=proxy.address)
        assert len(proxy.cuts) == 1

    assert "Traceback" not in ended.err
    if cut is Cut.AFTER:
        assert ended.code == 0, ended.err
        assert site.picture().versions == ALL_IN
        assert site.value("SELECT count(*) FROM crm.customers WHERE phone = '+1' || id") == 20
        assert site.run_status() == "applied"
    else:
        assert ended.code == 3, ended.err
        assert site.picture() == before
        assert site.run_status() == "reversed"
        assert site.migrate("all-modules", "--atomic", atomic, "--staging", "off").code == 0
        assert site.picture().versions == ALL_IN


# The steps before agenda's commit first; then the two reversals, then the dropping of what was made for agenda.
@pytest.mark.parametrize("number", [3, 4])
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_a_commit_of_the_taking_back_that_is_lost_is_made_again_or_known_to_be_in(
    site: Site, cut: Cut, number: int
) -> None:
    build_shop(site, ("agenda", BREAKS["agenda", "rows"]))
    before = site.picture()
    with CuttingProxy(site.url, at_commit(number, cut)) as proxy:
        ended = site.migrate("all-modules", "--atomic", "step", "--staging", "off", url=proxy.address)
        assert len(proxy.cuts) == 1

    assert ended.code == 3, ended.err
    assert "agenda:a1" in ended.said
    assert site.picture() == before
    assert site.run_status() == "reversed"


@pytest.mark.parametrize("atomic", ["run", "step"])
def test_the_server_process_of_a_lost_network_is_waited_for(site: Site, atomic: str) -> None:
    """The client's side is gone at once; the server notices three seconds later, and holds the fence meanwhile."""
    build_shop(site)
    before = site.picture()
    number = 1 if atomic == "run" else len(STEPS)
    with CuttingProxy(site.url, at_commit(number, Cut.CLIENT_ONLY)) as proxy:
        ended = site.migrate("all-modules", "--atomic", atomic, "--staging", "off", url=proxy.address)
        assert len(proxy.cuts) == 1

    assert ended.code == 3, ended.err
    assert "Traceback" not in ended.err
    assert site.picture() == before
    assert site.run_status() == "reversed"


# The COMMIT before the block, the end of the block (BEGIN), and the COMMIT of the step.
@pytest.mark.parametrize("place", ["COMMIT", "BEGIN ISOLATION LEVEL READ COMMITTED"])
@pytest.mark.parametrize("cut", [Cut.BEFORE, Cut.AFTER])
def test_a_connection_that_ends_around_an_autocommit_block_is_told_as_that_and_tried_again(
    site: Site, place: str, cut: Cut
) -> None:
    build_street(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c1",
        after="c0",
        upgrade='op.execute("ALTER TABLE crm.customers ADD COLUMN phone text")\n'
        "with op.get_context().autocommit_block():\n"
        '    op.execute("CREATE INDEX CONCURRENTLY by_email ON crm.customers (email)")\n'
        'op.execute("ALTER TABLE crm.customers ADD COLUMN fax text")',
        downgrade="with op.get_context().autocommit_block():\n"
        '    op.execute("DROP INDEX CONCURRENTLY IF EXISTS crm.by_email")\n'
        'op.execute("ALTER TABLE crm.customers DROP COLUMN IF EXISTS fax, DROP COLUMN phone")',
    )
    before = site.picture()
    number = 1 if place == "COMMIT" else 2

    def where(seen: Seen) -> Cut | None:
        return cut if seen == Seen(text=place, count=number) else None

    with CuttingProxy(site.url, where) as proxy:
        ended = site.migrate("all-modules", "--staging", "off", url=proxy.address)
        assert len(proxy.cuts) == 1

    assert ended.code == 3, ended.err
    assert "the connection to the server was lost" in ended.said
    assert "--retry" not in ended.said
    assert site.picture() == before
    assert site.rows("SELECT final, category FROM migrate.run JOIN migrate.incident ON run = number") == (
        (False, "connection"),
    )
    again = site.migrate("all-modules", "--staging", "off")
    assert again.code == 0, again.err


def test_a_commit_that_the_server_is_still_at_is_left_to_a_person(site: Site, tmp_path: Path) -> None:
    """It waits for a synchronous standby that is not there, and looks at nothing else meanwhile."""
    write(site, (execute("UPDATE t SET b = b + 10"),), (execute("UPDATE t SET b = b - 10"),))
    # What a step sets is put back before the commit; what the writing of its version row sets is not.
    site.execute(
        "CREATE TABLE crm.alembic_version (version_num varchar(32) PRIMARY KEY);"
        "CREATE FUNCTION crm.waits() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN PERFORM pg_catalog.set_config('synchronous_commit', 'on', true); RETURN NEW; END$$;"
        "CREATE TRIGGER waits BEFORE INSERT ON crm.alembic_version FOR EACH ROW EXECUTE FUNCTION crm.waits()"
    )
    impatient = patched(
        tmp_path / "patch",
        "from coordinator.execution import lost_commit\nlost_commit.BACKEND_ENDS_WITHIN = 2",
    )
    values = "SELECT b FROM crm.t ORDER BY b"
    with synchronous_standby(site), CuttingProxy(site.url, at_commit(1, Cut.UNHEARD)) as proxy:
        ended = site.migrate("all-modules", "--staging", "off", url=proxy.address, environment=impatient)
        assert len(proxy.cuts) == 1
        assert ended.code == 4, ended.err
        assert "still works on the run's transaction" in ended.said, ended.err
        assert "in or not: crm:a1" in ended.said, ended.err
        assert site.rows(values) == ((1,), (2,))
        living = site.migrate("recover", "--resume")
        assert living.code == 4, living.err
        assert "is still at work" in living.said, living.err

    site.await_value(f"SELECT array(({values})) = '{{11,12}}'")
    told = site.migrate("recover")
    assert told.code == 4, told.err
    assert "in crm:a1 not in nothing" in " ".join(told.out.split()), told.out
    assert site.migrate("recover", "--resume").code == 0
    assert "nothing to do" in site.migrate("all-modules", "--staging", "off").said
    assert site.rows(values) == ((11,), (12,))


@contextmanager
def synchronous_standby(site: Site) -> Iterator[None]:
    """A commit that asks for it waits for a standby that never comes; the tests' other commits do not ask."""
    site.execute("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
    try:
        site.execute("SELECT pg_reload_conf()")
        site.await_value("SELECT current_setting('synchronous_standby_names') = 'nobody'")
        yield
    finally:
        site.execute("ALTER SYSTEM RESET synchronous_standby_names")
        site.execute("SELECT pg_reload_conf()")
