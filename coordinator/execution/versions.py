"""Modules' version tables: where plain Alembic and this program both keep the heads."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import CoordinatorError
from coordinator.planning.heads import heads_after
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from coordinator.model.capture import Direction
    from coordinator.model.module import Module
    from coordinator.model.revision import ModuleTree, Revision
    from coordinator.postgres.session import Session


_UNIQUE_VIOLATION = "23505"


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


def move_heads(
    session: Session, module: Module, tree: ModuleTree, revision: Revision, direction: Direction
) -> None:
    """Write the module's rows as one step leaves them. Raises HeadsChangedError when somebody else has moved them."""
    # A table that several modules share holds the others' heads too.
    heads = (read_heads(session, module) or frozenset()) & tree.ids
    try:
        write_heads(session, module, heads, heads_after(tree, heads, revision, direction))
    except ValueError as error:
        raise _moved(module, str(error)) from error
    except StatementError as error:
        if error.sqlstate != _UNIQUE_VIOLATION:
            raise
        raise _moved(module, f"the row of {revision.key} is there already") from error


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
            raise _moved(module, f"{schema}.{name} no longer holds {gone!r}")
    for new in sorted(after - before):
        session.execute(
            compose("INSERT INTO {table} (version_num) VALUES ({new})", table=table, new=literal(new))
        )


def _moved(module: Module, how: str) -> HeadsChangedError:
    return HeadsChangedError(
        f"somebody else has migrated module {module.name!r} meanwhile: {how}",
        help="run `migrate status`, then try again",
    )


def _exists(session: Session, schema: str, table: str) -> bool:
    return bool(
        session.value(
            "SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE n.nspname = %s AND c.relname = %s AND c.relkind IN ('r', 'p', 'v')",
            (schema, table),
        )
    )
