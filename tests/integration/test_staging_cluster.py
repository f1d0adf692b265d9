"""Our own server: started, shared, killed and found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.connect import connect

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl


def test_a_fresh_database_is_empty_and_in_utf8(database: DatabaseUrl) -> None:
    with connect(database, application_name="test") as connection:
        row = connection.execute(
            "SELECT current_setting('server_encoding'), (SELECT count(*) FROM pg_class c"
            " JOIN pg_namespace n ON n.oid = relnamespace WHERE nspname = 'public')"
        ).fetchone()
    assert row == ("UTF8", 0)
