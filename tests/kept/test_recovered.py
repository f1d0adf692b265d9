"""A run that was killed between its transactions: what it destroyed is put back by the command that takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kept.shelf import CUSTOMERS, all_of, build, same, step
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    import subprocess

    from tests.failures.site import Site

SLEEPER = (
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
    " AND state = 'active' AND query LIKE '%SELECT pg_sleep(%' AND query NOT LIKE '%pg_stat_activity%'"
)


def kill_asleep(site: Site, process: subprocess.Popen[str]) -> None:
    """Kill the command while its step sleeps, and what the server still does for it."""
    pid = site.await_value(SLEEPER)
    process.kill()
    site.end(process)
    site.execute(f"SELECT pg_terminate_backend({pid})")
    site.await_value(f"SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = {pid})")


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
        kill_asleep(site, process)
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
        kill_asleep(site, process)
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


def test_what_did_not_come_back_is_told_until_a_person_settles_it(site: Site) -> None:
    build(site, CUSTOMERS + "CREATE TABLE crm.notes (id serial PRIMARY KEY, note text);")
    site.execute("INSERT INTO crm.notes (note) VALUES ('one'), ('two')")
    drop, add = (
        "ALTER TABLE crm.customers DROP COLUMN phone",
        "ALTER TABLE crm.customers ADD COLUMN phone text",
    )
    step(site, "c2", "c1", (drop,), (add,))
    delete, insert = "DELETE FROM crm.notes WHERE id = 2", "INSERT INTO crm.notes (note) VALUES ('two')"
    step(site, "c3", "c2", (delete,), (insert,), deletes_rows=True)
    step(site, "c4", "c3", ("SELECT pg_sleep(60)",), ("SELECT 1",))
    deploy = ("all-modules", "--yes", "--atomic", "step", "--staging", "off", "--discard", "crm:c2")
    with site.running(*deploy) as process:
        kill_asleep(site, process)
    # The recovery is killed too, between the two steps that it takes back.
    file = site.root / site.file("crm", "c2")
    whole = file.read_text()
    file.write_text(whole.replace(add, f"SELECT pg_sleep(60); {add}"))
    with site.running("recover", "--abort") as process:
        kill_asleep(site, process)
    file.write_text(whole)
    for _ in range(2):
        ended = site.migrate("recover", "--abort")
        assert ended.code == 4, ended.err
        assert "not all that had been destroyed could be put back" in ended.said
        assert "column crm.customers.phone: not all was kept" in ended.said
        assert "rows of crm.notes (id, note): what is not back is in migrate.kept_2" in ended.said
        assert "`migrate recover --resume` settles it as it is" in ended.said
        assert site.value("SELECT status FROM migrate.run WHERE number = 1") == "unsettled"
    assert site.picture().versions == {"crm.alembic_version": ("c1",)}
    assert site.value("SELECT count(*) FROM crm.customers WHERE phone IS NULL") == 20
    assert site.rows("SELECT id, note, migrate_why FROM migrate.kept_2") == (("2", "two", "twin"),)
    told = site.migrate("recover")
    assert told.code == 4, told.err
    assert "not back column crm.customers.phone: not all was kept" in " ".join(told.out.split())
    assert "next: see to what is not back; then `migrate recover --resume`" in " ".join(told.out.split())
    assert site.migrate("all-modules", "--staging", "off").code == 4
    ended = site.migrate("recover", "--resume")
    assert ended.code == 0, ended.err
    step(site, "c4", "c3", ("SELECT 1",), ("SELECT 1",))
    ended = site.migrate("all-modules", "--staging", "off")
    assert ended.code == 0, ended.err
