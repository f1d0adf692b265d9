"""A run that was killed between its transactions: what it destroyed is put back by the command that takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kept.shelf import build, same, step

if TYPE_CHECKING:
    from tests.failures.site import Site

SLEEPER = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND query LIKE 'SELECT pg_sleep(%'"
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
