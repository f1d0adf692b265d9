"""A run that was killed between its transactions: what it destroyed is put back by the command that takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import CUSTOMERS, all_of, build, same, step
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site

SLEEPER = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND query LIKE '%SELECT pg_sleep(%' AND query NOT LIKE '%pg_stat_activity%'"
)


def test_recover_puts_back_what_a_killed_run_destroyed_and_it_goes_forward_again(site: Site) -> None:
    build(site)
    step(
        site,
        "c2",
        "c1",
        ("ALTER TABLE crm.customers DROP COLUMN phone", "UPDATE crm.customers SET name = 'x'"),
        ("ALTER TABLE crm.customers ADD COLUMN phone text",),
    )
    step(site, "c3", "c2", ("SELECT pg_sleep(60)",), ("SELECT 1",))
    before = site.picture()
    with site.running("all-modules", "--atomic", "step", "--staging", "off") as process:
        pid = site.await_value(SLEEPER)
        process.kill()
        site.end(process)
    site.execute(f"SELECT pg_terminate_backend({pid})")
    site.await_value(f"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})")
    assert site.value("SELECT count(*) FROM migrate.kept WHERE ended IS NULL") == 2
    ended = site.migrate("recover", "--abort")
    assert ended.code == 0, ended.err
    assert same(site, before)
    assert set(site.rows("SELECT ending FROM migrate.kept WHERE direction = 'upgrade'")) == {("put back",)}
    assert site.migrate("recover", "--abort").code == 0
    step(site, "c3", "c2", ("SELECT 1",), ("SELECT 1",))
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 0, ended.err
    assert site.value("SELECT count(*) FROM crm.customers WHERE name = 'x'") == 20


BLOCK = "with op.get_context().autocommit_block():\n    "
ASLEEP = f"{BLOCK}op.execute('DROP INDEX CONCURRENTLY crm.by_name'); op.execute('SELECT pg_sleep(60)')"


@pytest.mark.parametrize("how", ["--resume", "--abort"])
def test_what_a_downgrade_kept_before_it_was_cut_off_comes_back_with_what_was_kept_after_it(
    site: Site, how: str
) -> None:
    build(site, CUSTOMERS.replace(", phone text", "").replace(", '+1' || n", ""))
    columns = (
        "ALTER TABLE crm.customers ADD COLUMN phone text",
        "ALTER TABLE crm.customers ADD COLUMN nick text",
    )
    drops = [f"op.execute({each.replace('ADD', 'DROP').removesuffix(' text')!r})" for each in columns]
    index = f"{BLOCK}op.execute('CREATE INDEX CONCURRENTLY by_name ON crm.customers (name)')"
    file = write_revision(
        versions_of(site.root, "crm"),
        "c2",
        after="c1",
        upgrade="\n".join((all_of(*columns), index)),
        downgrade="\n".join((drops[0], ASLEEP, drops[1])),
    )
    assert site.migrate("all-modules", "--staging", "off").code == 0
    site.execute("UPDATE crm.customers SET phone = '+1' || id, nick = 'n' || id")
    before = site.picture()
    with site.running("rollback", "crm", "--to", "c1", "--yes", "--staging", "off") as process:
        pid = site.await_value(SLEEPER)
        process.kill()
        site.end(process)
    site.execute(f"SELECT pg_terminate_backend({pid})")
    site.await_value(f"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})")
    assert site.rows("SELECT run, columns FROM migrate.kept") == ((2, ["phone"]),)
    file.write_text(file.read_text().replace("op.execute('SELECT pg_sleep(60)')", "pass"))
    ended = site.migrate("recover", how)
    assert ended.code == 0, ended.err
    if how == "--resume":
        assert site.migrate("release", "--all").code == 0
        ended = site.migrate("all-modules", "--staging", "off")
        assert ended.code == 0, ended.err
    assert site.rows("SELECT run, columns FROM migrate.kept ORDER BY number") == (
        (2, ["phone"]),
        (3, ["nick"]),
    )
    assert same(site, before)
