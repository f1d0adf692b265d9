"""How much a rollback would destroy, and whether references between modules hold now: counted, nothing written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.reading import read_undisturbed
from coordinator.postgres.rows import estimated_rows, row_counts
from coordinator.postgres.session import compose, identifier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.check import MapReference
    from coordinator.postgres.session import Session

# Tables larger than this are not read to be counted; their number is the server's estimate.
ROW_BUDGET = 1_000_000

_BROKEN_KEYS = """
SELECT n.nspname || '.' || c.relname, k.conname, fn.nspname || '.' || f.relname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
WHERE k.contype = 'f' AND NOT k.convalidated AND n.nspname <> fn.nspname
  AND (n.nspname = ANY (%(schemas)s) OR fn.nspname = ANY (%(schemas)s))
ORDER BY 1, 2
"""
_ORPHAN = """
SELECT EXISTS (SELECT FROM {child} AS c WHERE c.{column} IS NOT NULL
   AND NOT EXISTS (SELECT FROM {parent} AS p WHERE p.{key}::text = c.{column}::text))
"""


def hides_rows(session: Session, table: tuple[str, str]) -> bool:
    """Whether a policy may hide rows of the table from the role that asks; reads no row."""
    found = session.rows(
        "SELECT row_security_active(c.oid) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
        " WHERE (n.nspname, c.relname) = (%s, %s)",
        table,
    )
    return bool(found and found[0][0])


def count_at_stake(session: Session, table: tuple[str, str], column: str | None) -> tuple[int | None, int]:
    """Rows of a table, or values of a column that are not null; None where that means to read too much.

    Beside it the server's estimate of the table's rows. Raises StatementError when the role may not read it.
    """
    about = estimated_rows(session, (table,))
    if about > ROW_BUDGET:
        return None, about
    if column is None:
        return row_counts(session, (table,))[table], about
    query = compose(
        "SELECT count({column}) FROM {table}", column=identifier(column), table=identifier(*table)
    )
    return int(read_undisturbed(session, query)[0][0]), about


def connected_roles(session: Session) -> tuple[tuple[str, int], ...]:
    """Roles with sessions on this database now, ours left out, and how many each has: who may be using it."""
    return tuple(
        (str(role), int(count))
        for role, count in session.rows(
            "SELECT usename, count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND backend_type = 'client backend' AND usename IS NOT NULL AND application_name NOT LIKE 'migrate:%'"
            " GROUP BY usename ORDER BY usename"
        )
    )


def failing_references(
    session: Session, schemas: Sequence[str], references: Sequence[MapReference]
) -> tuple[str, ...]:
    """References between modules that do not hold now, a sentence each.

    Looked at are the foreign keys of these schemas that were never validated, and what the map says.
    """
    keys = session.rows(_BROKEN_KEYS, {"schemas": list(schemas)})
    found = [f"key '{name}' of {table} to {other} was never validated" for table, name, other in keys]
    for each in references:
        wanted = {each.schema, each.target_schema}
        if wanted & set(schemas) and each.schema != each.target_schema and _dangles(session, each):
            found.append(f"{each.schema}.{each.table}.{each.column} points at no row of {_target(each)}")
    return tuple(found)


def _target(reference: MapReference) -> str:
    return f"{reference.target_schema}.{reference.target_table}"


def _dangles(session: Session, reference: MapReference) -> bool:
    tables = (
        (reference.schema, reference.table),
        (reference.target_schema, reference.target_table),
    )
    if estimated_rows(session, tables) > ROW_BUDGET or not _are_there(session, reference):
        return False
    if any(hides_rows(session, each) for each in tables):
        return False
    query = compose(
        _ORPHAN,
        child=identifier(*tables[0]),
        column=identifier(reference.column),
        parent=identifier(*tables[1]),
        key=identifier(reference.target_column),
    )
    return bool(read_undisturbed(session, query)[0][0])


def _are_there(session: Session, reference: MapReference) -> bool:
    """Whether both columns exist: the map may be ahead of the database, or behind it."""
    wanted = {
        (reference.schema, reference.table, reference.column),
        (reference.target_schema, reference.target_table, reference.target_column),
    }
    rows = session.rows(
        "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attnum > 0 AND NOT a.attisdropped"
        " AND n.nspname = ANY (%s) AND c.relname = ANY (%s)",
        ([each[0] for each in wanted], [each[1] for each in wanted]),
    )
    return wanted <= set(rows)
