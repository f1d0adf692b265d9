"""Modules' version tables: where plain Alembic and this program both keep the heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from coordinator.model.module import Module
    from coordinator.postgres.session import Session


class HeadsChangedError(CoordinatorError):
    """The version table is not as it was when the plan was made: somebody else migrates this module."""


def read_heads(session: Session, module: Module) -> frozenset[str] | None:
    """The rows of the module's version table, or None while there is no such table."""
    schema, table = module.qualified_version_table
    if not _exists(session, schema, table):
        return None
    rows = session.rows(compose("SELECT version_num FROM {table}", table=identifier(schema, table)))
    return frozenset(row[0] for row in rows)


def readable_heads(session: Session, schema: str, table: str) -> frozenset[str] | None:
    """The rows of a version table that may belong to others; None when it is not there or not ours to read."""
    may = session.value(
        "SELECT has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'SELECT')"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
        (schema, table),
    )
    if not may:
        return None
    rows = session.rows(compose("SELECT version_num FROM {table}", table=identifier(schema, table)))
    return frozenset(row[0] for row in rows)


def has_version_table(session: Session, schema: str, table: str) -> bool:
    """Whether there is a table of that name, ours to read or not."""
    return bool(
        session.value(
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s",
            (schema, table),
        )
    )


def prepare_module(session: Session, module: Module) -> tuple[str, ...]:
    """Make the module's missing schemas and its version table; the names of what was made, schemas first."""
    made: list[str] = []
    schema, table = module.qualified_version_table
    for name in dict.fromkeys((*module.schemas, schema)):
        if not session.value("SELECT 1 FROM pg_namespace WHERE nspname = %s", (name,)):
            authorization = (
                compose(" AUTHORIZATION {role}", role=identifier(module.owner))
                if module.owner
                else compose("")
            )
            session.execute(
                compose(
                    "CREATE SCHEMA {name}{authorization}", name=identifier(name), authorization=authorization
                )
            )
            made.append(f"schema {name}")
    if not _exists(session, schema, table):
        # As Alembic makes it, but wide: revision ids longer than its 32 characters are usual.
        session.execute(
            compose(
                "CREATE TABLE {table} (version_num varchar(255) NOT NULL, CONSTRAINT {key} PRIMARY KEY (version_num))",
                table=identifier(schema, table),
                key=identifier(f"{table}_pkc"[:63]),
            )
        )
        made.append(f"table {schema}.{table}")
    return tuple(made)


def unprepare_module(session: Session, module: Module, made: tuple[str, ...]) -> None:
    """Drop what `prepare_module` made, newest first; a version table must be empty by now."""
    schema, table = module.qualified_version_table
    for what in reversed(made):
        kind, _, name = what.partition(" ")
        if kind == "table":
            if read_heads(session, module):
                raise HeadsChangedError(f"the version table {schema}.{table} is not empty")
            session.execute(compose("DROP TABLE {table}", table=identifier(schema, table)))
        else:
            session.execute(compose("DROP SCHEMA {name}", name=identifier(name)))


def write_heads(session: Session, module: Module, before: frozenset[str], after: frozenset[str]) -> None:
    """Turn the rows `before` into the rows `after`. Raises HeadsChangedError when a row was not there."""
    schema, name = module.qualified_version_table
    table = identifier(
        schema, name
    )  # with literals beside it: a name may hold `%`, which a parameter would make special
    for gone in sorted(before - after):
        answer = session.execute(
            compose("DELETE FROM {table} WHERE version_num = {gone}", table=table, gone=literal(gone))
        )
        if answer.rowcount != 1:
            raise HeadsChangedError(
                f"{schema}.{name} no longer holds {gone!r}: somebody else has migrated {module.name!r} meanwhile",
                help="run `migrate status`, then try again",
            )
    for new in sorted(after - before):
        session.execute(
            compose("INSERT INTO {table} (version_num) VALUES ({new})", table=table, new=literal(new))
        )


def _exists(session: Session, schema: str, table: str) -> bool:
    return bool(
        session.value(
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v')",
            (schema, table),
        )
    )
