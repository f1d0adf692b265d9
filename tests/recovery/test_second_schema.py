"""A module with two schemas: bare names in what a step builds, or takes back, mean what its session finds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.recovery.test_lone_steps import INVALID, UNREHEARSED, execute, write

if TYPE_CHECKING:
    from tests.failures.site import Site


def write_logs(site: Site, up: tuple[str, ...], down: tuple[str, ...]) -> None:
    """A revision of crm, whose second schema has a table with two equal rows."""
    write(site, up, down)
    file = site.root / "pyproject.toml"
    file.write_text(f'{file.read_text()}\n[tool.migrate.modules.crm]\nschemas = ["crm", "crm_log"]\n')
    site.execute(
        "CREATE SCHEMA crm_log; CREATE TABLE crm_log.logs (a int); INSERT INTO crm_log.logs VALUES (1), (1)"
    )


def leave_invalid(site: Site) -> None:
    """What a concurrent build leaves that failed by itself."""
    with site.session() as session, pytest.raises(Exception, match="could not create unique index"):
        session.execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON crm_log.logs (a)")


@pytest.mark.parametrize("alone", [True, False])
def test_an_invalid_index_on_a_table_of_the_second_schema_is_rebuilt(site: Site, alone: bool) -> None:
    how = " CONCURRENTLY" if alone else ""
    write_logs(
        site,
        (execute(f"CREATE INDEX{how} IF NOT EXISTS ix ON logs (a)", alone=alone),),
        (execute(f"DROP INDEX{how} ix", alone=alone),),
    )
    leave_invalid(site)
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err
    assert site.value(INVALID) == 0
    assert not site.value("SELECT indisunique FROM pg_index WHERE indexrelid = 'crm_log.ix'::regclass")


def test_an_invalid_index_is_found_by_the_search_path_that_the_revision_sets(site: Site) -> None:
    write_logs(
        site,
        (
            execute("SET LOCAL search_path TO crm_log"),
            execute("CREATE INDEX IF NOT EXISTS ix ON logs (a)"),
        ),
        (execute("DROP INDEX crm_log.ix"),),
    )
    leave_invalid(site)
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 0, ended.err
    assert site.value(INVALID) == 0


def test_a_half_done_step_on_a_table_of_the_second_schema_is_taken_back_by_its_downgrade(site: Site) -> None:
    write_logs(
        site,
        (
            execute("ALTER TABLE logs ADD CONSTRAINT positive CHECK (a > 0)"),
            execute("CREATE UNIQUE INDEX CONCURRENTLY ix ON logs (a)", alone=True),
        ),
        (
            execute("DROP INDEX CONCURRENTLY ix", alone=True),
            execute("ALTER TABLE logs DROP CONSTRAINT positive"),
        ),
    )
    before = site.picture()
    ended = site.migrate(*UNREHEARSED)
    assert ended.code == 3, ended.err
    assert "could not create unique index" in ended.said
    assert site.picture() == before
