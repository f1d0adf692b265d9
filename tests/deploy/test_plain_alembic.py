"""Plain Alembic on the same database: noticed in the middle of a run, noted between two runs, never held against anybody."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.commands_site import apply, write_shop
from tests.failures.shop import SLEEPER
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.commands_site import Desk
    from tests.failures.site import Site

DEPLOY = ("all-modules", "--yes", "--staging", "off")


def write_pair(site: Site, *, fails: bool = False) -> None:
    """crm:c1 → billing:b1, which takes its time (and then fails) → crm:c2."""
    project(site.root, modules=("crm", "billing"))
    sql = "SELECT 1 / 0" if fails else "SELECT 1"
    for module, name, after, statements, requires in (
        ("crm", "c1", None, ("CREATE TABLE crm.a (id int PRIMARY KEY)",), []),
        (
            "billing",
            "b1",
            None,
            ("SELECT pg_sleep(3)", "CREATE TABLE billing.a (id int PRIMARY KEY)", sql),
            ["crm:c1"],
        ),
        ("crm", "c2", "c1", ("CREATE TABLE crm.b (id int PRIMARY KEY)",), ["billing:b1"]),
    ):
        table = "b" if name == "c2" else "a"
        write_revision(
            versions_of(site.root, module),
            name,
            after=after,
            upgrade="\n".join(f"op.execute({each!r})" for each in statements),
            downgrade=f"op.execute('DROP TABLE {module}.{table}')",
            requires=requires,
        )


def as_alembic_would(site: Site, sql: str, module: str, old: str, new: str) -> None:
    """What `alembic upgrade` leaves: the change and the moved version row."""
    site.execute(
        f"{sql}; UPDATE {module}.alembic_version SET version_num = '{new}' WHERE version_num = '{old}'"
    )


def test_between_two_segments_it_is_noticed_before_the_next_step_runs(site: Site) -> None:
    write_pair(site)
    with site.running(*DEPLOY, "--atomic", "step") as run:
        site.await_value(SLEEPER)
        as_alembic_would(site, "CREATE TABLE crm.b (id int PRIMARY KEY)", "crm", "c1", "c2")
        ended = site.end(run)

    # What plain Alembic put on top of our crm:c1 is not ours to take away, so that one stays in.
    assert ended.code == 4, ended.err
    assert (
        "somebody else has migrated module 'crm' meanwhile: crm.alembic_version says c2, and this run left it at c1"
        in ended.said
    )
    assert "still in: crm:c1" in ended.said
    assert site.value("SELECT to_regclass('billing.a') IS NULL") is True
    assert site.value("SELECT to_regclass('crm.b') IS NOT NULL") is True
    assert site.migrate("recover", "--resume").code == 0
    done = site.migrate(*DEPLOY)
    assert done.code == 0, done.err
    assert site.picture().versions == {"billing.alembic_version": ("b1",), "crm.alembic_version": ("c2",)}


def test_between_the_look_at_the_heads_and_the_version_row_it_is_no_failure_of_the_revision(
    site: Site,
) -> None:
    project(site.root, modules=("crm", "billing"))
    crm, billing = versions_of(site.root, "crm"), versions_of(site.root, "billing")
    table = "op.execute('CREATE TABLE crm.a (id int)')"
    write_revision(crm, "c1", upgrade=table, downgrade="op.execute('DROP TABLE crm.a')")
    assert site.migrate(*DEPLOY).code == 0
    write_revision(billing, "b1", upgrade="op.execute('SELECT pg_sleep(3)')")
    add, take = "INSERT INTO crm.a VALUES (7)", "DELETE FROM crm.a WHERE id = 7"
    write_revision(
        crm,
        "c2",
        after="c1",
        upgrade=f"op.execute('{add}')",
        downgrade=f"op.execute('{take}')",
        requires=["billing:b1"],
    )
    with site.running(*DEPLOY) as run:
        site.await_value(SLEEPER)
        as_alembic_would(site, add, "crm", "c1", "c2")
        ended = site.end(run)

    assert ended.code == 3, ended.err
    assert "somebody else has migrated module 'crm' meanwhile: crm:c2 is applied already" in ended.said
    assert "a mistake in the coordinator" not in ended.said
    assert site.rows("SELECT id FROM crm.a") == ((7,),)
    again = site.migrate(*DEPLOY)
    assert again.code == 0, "there was nothing to mend, so nobody has to ask for another try"
    assert site.picture().versions == {"billing.alembic_version": ("b1",), "crm.alembic_version": ("c2",)}


def test_another_module_that_was_migrated_meanwhile_is_taken_back_whole(site: Site) -> None:
    write_pair(site)
    before = site.picture()
    with site.running(*DEPLOY, "--atomic", "step") as run:
        site.await_value(SLEEPER)
        # It went back and forward again by hand, and is where the run had found it.
        as_alembic_would(site, "DROP TABLE crm.a", "crm", "c1", "gone")
        site.execute("DELETE FROM crm.alembic_version")
        ended = site.end(run)

    assert ended.code == 4, ended.err
    assert "crm.alembic_version says nothing, and this run left it at c1" in ended.said
    assert site.value("SELECT to_regclass('billing.a') IS NULL") is True
    assert before.versions == {}


def test_between_look_and_apply_it_is_refused_before_any_write(site: Site) -> None:
    write_shop(site.root)
    apply(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        # Long enough in the rehearsal that somebody else can be quicker.
        upgrade='op.execute("SELECT pg_sleep(3)")\nop.execute("ALTER TABLE crm.customers ADD fax text")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP fax")',
    )
    with site.running("all-modules", "--yes", "--staging", "embedded") as run:
        site.await_value(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name LIKE 'migrate:rehearse%'"
        )
        as_alembic_would(site, "ALTER TABLE crm.customers ADD fax text", "crm", "c2", "c3")
        ended = site.end(run)

    assert ended.code == 1, ended.err
    assert "somebody else has migrated crm meanwhile" in ended.said
    assert site.value("SELECT count(*) FROM migrate.run") == 1
    assert site.migrate(*DEPLOY).code == 0


def test_what_was_changed_by_hand_during_the_rehearsal_is_refused_before_any_write(site: Site) -> None:
    write_shop(site.root)
    apply(site)
    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade='op.execute("SELECT pg_sleep(1.5)")\nop.execute("ALTER TABLE crm.customers ADD fax text")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP fax")',
    )
    rehearses = (
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
        " AND application_name = 'migrate:baseline'"
    )
    with site.running("all-modules", "--yes", "--staging", "embedded") as run:
        site.await_value(rehearses)
        site.execute("ALTER TABLE crm.customers ADD nick text DEFAULT 'x'; CREATE TABLE crm.other (id int)")
        ended = site.end(run)

    assert ended.code == 1, ended.err
    assert "somebody else has changed the target meanwhile" in ended.said
    assert "column crm.customers.nick was not there before" in ended.said
    assert "crm.other" not in ended.said
    assert site.value("SELECT count(*) FROM migrate.run") == 1
    with site.running("all-modules", "--yes", "--staging", "embedded") as run:
        site.await_value(rehearses)
        site.execute("CREATE TABLE crm.another (id int)")
        assert site.end(run).code == 0


def test_twenty_times_a_day_on_a_laptop_never_makes_the_next_run_refuse(desk: Desk) -> None:
    write_shop(desk.root)
    apply(desk)
    for number in range(3, 13):
        write_revision(
            versions_of(desk.root, "crm"),
            f"c{number}",
            after=f"c{number - 1}",
            upgrade=f'op.execute("ALTER TABLE crm.customers ADD x{number} text")',
            downgrade=f'op.execute("ALTER TABLE crm.customers DROP x{number}")',
        )
        if number % 2:  # forward by hand, back, and forward again
            add, drop = (f"ALTER TABLE crm.customers {what} x{number}" for what in ("ADD", "DROP"))
            as_alembic_would(desk, f"{add} text", "crm", f"c{number - 1}", f"c{number}")
            as_alembic_would(desk, drop, "crm", f"c{number}", f"c{number - 1}")
            as_alembic_would(desk, f"{add} text", "crm", f"c{number - 1}", f"c{number}")
            assert desk.migrate(*DEPLOY).code == 0
        else:
            apply(desk)
    as_alembic_would(desk, "ALTER TABLE crm.customers DROP x12", "crm", "c12", "c11")
    status = desk.migrate("status")
    assert status.code == 0, status.err
    apply(desk)

    told = desk.rows(
        "SELECT revision, run IS NULL FROM migrate.applied WHERE module = 'crm' ORDER BY applied, revision"
    )
    by_hand = {revision for revision, outside in told if outside}
    assert by_hand == {"c3", "c5", "c7", "c9", "c11"}
    assert {revision for revision, _ in told} == {f"c{number}" for number in range(1, 13)}


def test_what_was_applied_outside_is_shown_then_noted_by_the_next_run_and_what_went_is_forgotten(
    desk: Desk,
) -> None:
    write_shop(desk.root)
    apply(desk)
    crm, billing = versions_of(desk.root, "crm"), versions_of(desk.root, "billing")
    write_revision(crm, "c3", after="c2", upgrade='op.execute("ALTER TABLE crm.customers ADD fax text")',
                   downgrade='op.execute("ALTER TABLE crm.customers DROP fax")')  # fmt: skip
    as_alembic_would(desk, "ALTER TABLE crm.customers ADD fax text", "crm", "c2", "c3")
    desk.execute("DROP TABLE billing.phones; DELETE FROM billing.alembic_version")

    shown = " ".join(desk.migrate("status").out.split())
    assert "up to date, 1 applied outside" in shown
    before = desk.value("SELECT count(*) FROM migrate.applied")
    write_revision(billing, "b2", after="b1", upgrade='op.execute("SELECT 1")')
    apply(desk)

    assert before == 3
    assert desk.rows(
        "SELECT module, revision, run, effects -> 'downgrade' IS NOT NULL FROM migrate.applied"
        " ORDER BY module, revision"
    ) == (
        ("billing", "b1", 2, True),
        ("billing", "b2", 2, True),
        ("crm", "c1", 1, True),
        ("crm", "c2", 1, True),
        ("crm", "c3", None, True),
    )
    assert "outside" not in desk.migrate("status").out


def test_a_module_that_was_adopted_is_known_to_checkouts_that_do_not_have_it(desk: Desk) -> None:
    write_shop(desk.root)
    desk.execute(
        "CREATE SCHEMA crm; CREATE TABLE crm.customers (id int PRIMARY KEY, name text, telefone2 text);"
        "CREATE TABLE crm.alembic_version (version_num varchar(255) PRIMARY KEY);"
        "INSERT INTO crm.alembic_version VALUES ('c2')"
    )
    apply(desk)

    assert desk.rows("SELECT revision, run FROM migrate.applied WHERE module = 'crm' ORDER BY applied") == (
        ("c1", None),
        ("c2", None),
    )
