"""What authors' statements may hold or do without breaking the run, or making it blame the wrong thing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Ended, Site

QUOTED = '"C""R m%s"'
UNREHEARSED = ("all-modules", "--staging", "off")
# Only where somebody answers: reading a revision answers every query with no rows.
_LIVE = 'b = op.get_bind()\nif b.execute(sa.text("SELECT 1")).scalar() is None: return\n'


def apply(site: Site, upgrade: str, *arguments: str) -> Ended:
    """Apply one revision of one module on the target alone."""
    project(site.root, modules=("crm",))
    write_revision(versions_of(site.root, "crm"), "a1", upgrade=upgrade)
    return site.migrate(*(arguments or UNREHEARSED))


@pytest.mark.parametrize("staging", ["off", "embedded"])
def test_an_error_that_the_author_swallowed_without_a_savepoint_is_the_one_that_is_told(
    site: Site, staging: str
) -> None:
    code = 'try:\n    op.execute("SELECT * FROM nope")\nexcept Exception:\n    pass\nop.get_bind()'
    ended = apply(site, code, "all-modules", "--staging", staging)
    assert ended.code == {"off": 3, "embedded": 1}[staging], ended.err
    assert 'a1.py:12: relation "nope" does not exist' in ended.said


def test_an_error_that_was_caught_with_a_savepoint_is_not_blamed_for_a_later_one(site: Site) -> None:
    ended = apply(
        site,
        _LIVE + "try:\n    with b.begin_nested():\n        b.execute(sa.text('SELECT * FROM nope'))\n"
        "except sa.exc.ProgrammingError:\n    pass\nraise KeyError('the real reason')",
    )
    assert ended.code == 3
    assert "the real reason" in ended.said
    assert "nope" not in ended.said


@pytest.mark.parametrize("copy", ["COPY t FROM STDIN", "COPY t TO STDOUT"])
def test_a_copy_over_the_connection_is_refused_and_leaves_it_usable(site: Site, copy: str) -> None:
    ended = apply(site, f'op.execute("CREATE TABLE t (a int)")\nop.execute("{copy}")')
    assert ended.code == 3, ended.err
    assert f"it sends {copy.replace('t ', '', 1)}" in ended.said
    assert site.run_status() == "reversed"


@pytest.mark.parametrize("value", ['{"a": 1}', '"a\\x00b"', '"\\udc80"'])
def test_a_value_that_sql_cannot_hold_fails_its_step(site: Site, value: str) -> None:
    ended = apply(site, f'op.get_bind().exec_driver_sql("SELECT %(x)s", {{"x": {value}}})')
    assert ended.code == 3, ended.err
    assert "crm:a1 failed in upgrade() at modules/crm/migrations/versions/a1.py:11" in ended.said


def test_a_statement_is_never_cut_off_at_a_nul_character(site: Site) -> None:
    site.execute("CREATE SCHEMA crm; CREATE TABLE crm.t (a int); INSERT INTO crm.t VALUES (1), (2)")
    ended = apply(site, 'op.execute("DELETE FROM t\\x00 WHERE a = 1")')
    assert ended.code == 3, ended.err
    assert site.value("SELECT count(*) FROM crm.t") == 2


def test_an_answer_too_long_for_the_pipe_fails_its_step_and_nothing_else(site: Site) -> None:
    ended = apply(site, "op.get_bind().execute(sa.text(\"SELECT repeat('x', 70000000)\")).fetchall()")
    assert ended.code == 3, ended.err
    assert "crm:a1 failed in upgrade()" in ended.said
    assert "mistake in the coordinator" not in ended.said


def test_words_of_an_author_that_postgresql_cannot_store_do_not_hide_the_failure(site: Site) -> None:
    ended = apply(site, _LIVE + 'raise RuntimeError("a\\x00b\\udc80c")')
    assert ended.code == 3, ended.err
    assert "RuntimeError" in site.value("SELECT error FROM migrate.step")


def test_percent_signs_mean_what_every_driver_takes_them_for(site: Site) -> None:
    ended = apply(
        site,
        _LIVE + "assert b.exec_driver_sql(\"SELECT 'ab' LIKE 'a%'\").scalar()\n"
        "assert b.exec_driver_sql(\"SELECT format('%s', 1)\").scalar() == '1'\n"
        "assert b.exec_driver_sql(\"SELECT '5%%'\").scalar() == '5%'\n"
        "assert b.execute(sa.text(\"SELECT :x || '%'\").bindparams(x='%s')).scalar() == '%s%'",
    )
    assert ended.code == 0, ended.err


def test_values_of_rows_are_in_no_shown_statement_and_not_in_the_ledger(site: Site) -> None:
    ended = apply(site, _LIVE + 'b.execute(sa.text("SELECT CAST(:x AS integer)"), {"x": "s3cret"})')
    assert ended.code == 3, ended.err
    assert "SQL: SELECT CAST(%(x)s AS integer)" in ended.said
    kept = site.rows("SELECT error FROM migrate.step UNION ALL SELECT error FROM migrate.run")
    assert all("invalid input syntax" in error for (error,) in kept)
    assert not any("s3cret" in error for (error,) in kept)


def test_temporary_tables_of_two_modules_may_have_one_name(site: Site) -> None:
    project(site.root, modules=("crm", "agenda"))
    for module in ("crm", "agenda"):
        write_revision(
            versions_of(site.root, module), f"{module}1", upgrade='op.execute("CREATE TEMP TABLE t (a int)")'
        )
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err


def test_a_deferrable_key_of_another_owners_schema_disturbs_no_step(site: Site) -> None:
    site.execute(
        "DO $$ BEGIN CREATE ROLE review_crm; CREATE ROLE review_agenda;"
        " EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    )
    project(site.root, modules={"crm": {"owner": "review_crm"}, "agenda": {"owner": "review_agenda"}})
    write_revision(
        versions_of(site.root, "crm"),
        "a1",
        upgrade='op.execute("CREATE TABLE p (id int PRIMARY KEY); CREATE TABLE t (p int REFERENCES p DEFERRABLE)")',
    )
    write_revision(
        versions_of(site.root, "agenda"),
        "b1",
        upgrade='op.execute("CREATE TABLE u (a int)")',
        requires=["crm:a1"],
    )
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err


def test_names_with_percent_signs_and_quotes_reach_the_version_table(site: Site) -> None:
    project(site.root, modules={"crm": {"schemas": ['C"R m%s']}})
    write_revision(
        versions_of(site.root, "crm"), "a'1%", file="a.py", upgrade='op.execute("CREATE TABLE t (a int)")'
    )
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err
    assert site.value(f"SELECT version_num FROM {QUOTED}.alembic_version") == "a'1%"


def test_a_module_in_the_schema_public_is_rehearsed_from_what_is_there(site: Site) -> None:
    project(site.root, modules={"crm": {"schemas": ["public"]}})
    folder = versions_of(site.root, "crm")
    rehearsed = ("all-modules", "--staging", "embedded")
    write_revision(
        folder, "a1", upgrade='op.execute("CREATE TABLE t (a int)")', downgrade='op.execute("DROP TABLE t")'
    )
    assert site.migrate(*rehearsed).code == 0
    write_revision(
        folder,
        "a2",
        after="a1",
        upgrade='op.execute("ALTER TABLE t ADD b int")',
        downgrade='op.execute("ALTER TABLE t DROP b")',
    )
    ended = site.migrate(*rehearsed)
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE other.alembic_version SET version_num = 'zzz'",
        "INSERT INTO crm.alembic_version VALUES ('a1')",
        "UPDATE migrate.fence SET owner = owner",
    ],
)
def test_a_revision_that_writes_the_coordinators_own_rows_is_refused(site: Site, sql: str) -> None:
    project(site.root, modules=("crm", "other"))
    write_revision(versions_of(site.root, "other"), "b1", upgrade='op.execute("CREATE TABLE t (a int)")')
    write_revision(versions_of(site.root, "crm"), "a1", upgrade=f'op.execute("{sql}")', requires=["other:b1"])
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 3, ended.err
    assert "crm:a1 failed in the integrity check 'bookkeeping-untouched'" in ended.said
