"""A step that commits statement by statement and failed: what is done about what it left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.session import compose, identifier

if TYPE_CHECKING:
    from coordinator.execution.step import StepRunner
    from coordinator.model.catalog import Catalog


def tidy(runner: StepRunner, start: Catalog) -> None:
    """Drop the indexes that it made. They hold no data."""
    session = runner.session
    session.execute("RESET ROLE; RESET search_path; RESET lock_timeout")
    created = {(each.schema, each.part or each.name) for each in runner.catalog().difference(start).created}
    indexes = session.rows(
        "SELECT n.nspname, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)"
    )
    for schema, name in indexes:
        if (schema, name) in created:
            session.execute(compose("DROP INDEX CONCURRENTLY {index}", index=identifier(schema, name)))
