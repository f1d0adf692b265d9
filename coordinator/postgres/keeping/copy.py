"""Copies of rows in the ledger's schema: made before a step, narrowed after it, dropped when they have served."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.postgres.keeping.source import digest, shown
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session

AFTER = "migrate_after"  # digest of the row as the step left it; null: the step left no such row
CHANGED = "migrate_changed"  # whether the row is another one by now
REFUSED = "migrate_refused"  # the constraint that does not let the kept values in; null: none
WAS = "migrate_was"  # what the row held in some columns before the opposite step, as an array
WON = "migrate_won"  # why the opposite step's own doing counts and not what is kept; null: it does not
WHY = "migrate_why"  # why the kept values could not go back; only of rows that stay when others went back
TWINS = "migrate_twins"  # how many other rows held the same before the opposite step, the key aside


def name_of_copy(number: int) -> str:
    """Name of the table that holds the rows of that row of `migrate.kept`."""
    return f"kept_{number}"


def is_ours(schema: str, table: str) -> bool:
    """Whether this is a copy, or the table that tells of them."""
    return schema == LEDGER_SCHEMA and (table == "kept" or table.startswith("kept_"))


def _before(copy: str) -> str:
    """Name of the copy while its step runs."""
    return f"{copy}_before"


def next_number(session: Session) -> int:
    """The number of the next row of `migrate.kept`."""
    return int(session.value("SELECT nextval(pg_get_serial_sequence('migrate.kept', 'number'))"))


def make_copy(session: Session, source: Source, copy: str, columns: Collection[str]) -> tuple[int, int]:
    """Copy these columns of all rows as text; rows in the copy, and rows in the source by a count of its own.

    The caller holds the lock and has pinned how values are printed. Raises StatementError, also when a policy
    would hide rows.
    """
    made = identifier(LEDGER_SCHEMA, _before(copy))
    values = (compose("{value} AS {name}", value=shown(each), name=identifier(each)) for each in columns)
    answer = session.execute(
        compose(
            "CREATE TABLE {made} AS SELECT {values} FROM {rows} AS t",
            made=made,
            values=comma_separated(*values),
            rows=source.rows,
        )
    )
    _close(session, _before(copy))
    counted = session.value(compose("SELECT count(*) FROM {rows} AS t", rows=source.rows))
    return answer.rowcount, int(counted)


def _close(session: Session, name: str) -> None:
    """Take every right away that default privileges gave to others than the owner."""
    grantees = session.rows(
        compose(
            "SELECT DISTINCT CASE WHEN a.grantee = 0 THEN NULL ELSE pg_catalog.pg_get_userbyid(a.grantee) END"
            " FROM pg_catalog.pg_class AS c, pg_catalog.aclexplode(c.relacl) AS a"
            " WHERE c.relname = {name} AND c.relnamespace = {schema}::regnamespace AND a.grantee <> c.relowner",
            name=literal(name),
            schema=literal(LEDGER_SCHEMA),
        )
    )
    for (grantee,) in grantees:
        whom = compose("PUBLIC") if grantee is None else identifier(grantee)
        session.execute(
            compose(
                "REVOKE ALL ON {table} FROM {whom} CASCADE",
                table=identifier(LEDGER_SCHEMA, name),
                whom=whom,
            )
        )


def _comment(copy: str, comment: str) -> sql.Composable:
    """The command that says in the catalog what a finished copy holds."""
    return compose(
        "COMMENT ON TABLE {copy} IS {comment}",
        copy=identifier(LEDGER_SCHEMA, copy),
        comment=literal(comment),
    )


def keep_all(session: Session, copy: str, *, comment: str) -> None:
    """Make the copy final as it is: the step left no row that could be compared."""
    session.execute(
        compose(
            "ALTER TABLE {before} RENAME TO {copy}; ALTER TABLE {made} ADD COLUMN {after} bigint; {comment}",
            before=identifier(LEDGER_SCHEMA, _before(copy)),
            copy=identifier(copy),
            made=identifier(LEDGER_SCHEMA, copy),
            after=identifier(AFTER),
            comment=_comment(copy, comment),
        )
    )


def narrow(
    session: Session,
    now: Source,
    copy: str,
    *,
    rest: Collection[str],
    columns: Collection[str],
    keys: dict[str, str],
    compared: dict[str, str],
    all_rows: bool,
    comment: str,
) -> None:
    """Make the copy final: with the digest of each row as the step left it, and unless `all_rows` without equal rows.

    `rest` are the table's columns that the digest is taken over. `keys` and `compared` map the copy's columns to
    what they are called in the table now.
    """
    differs = [compose("t.{after} IS NULL", after=identifier(AFTER))]
    differs.extend(
        compose("k.{was} IS DISTINCT FROM t.{now}", was=identifier(old), now=identifier(f"now {old}"))
        for old in compared
    )
    inner = [compose("{value} AS {name}", value=digest(rest), name=identifier(AFTER))]
    inner.extend(
        compose("{value} AS {name}", value=shown(new), name=identifier(f"key {old}"))
        for old, new in keys.items()
    )
    inner.extend(
        compose("{value} AS {name}", value=shown(new), name=identifier(f"now {old}"))
        for old, new in compared.items()
    )
    session.execute(
        compose(
            "CREATE TABLE {made} AS SELECT {columns}, t.{after} FROM {before} AS k"
            " LEFT JOIN (SELECT {inner} FROM {rows} AS t) AS t ON {same}{where}; DROP TABLE {before}; {comment}",
            made=identifier(LEDGER_SCHEMA, copy),
            columns=comma_separated(*(identifier("k", each) for each in columns)),
            after=identifier(AFTER),
            before=identifier(LEDGER_SCHEMA, _before(copy)),
            inner=comma_separated(*inner),
            rows=now.rows,
            same=sql.SQL(" AND ").join(
                compose("k.{old} = t.{new}", old=identifier(old), new=identifier(f"key {old}"))
                for old in keys
            ),
            where=compose("") if all_rows else compose(" WHERE {any}", any=sql.SQL(" OR ").join(differs)),
            comment=_comment(copy, comment),
        )
    )
    _close(session, copy)


def moved_keys(session: Session, now: Source, copy: str, keys: dict[str, str]) -> bool:
    """Whether rows seem to have been given other keys: some keys are gone, others are new, and rows were updated.

    `keys` maps the copy's key columns to what they are called in the table now. A row that was put into another
    partition counts for the server as deleted and inserted, so a partitioned table's updates cannot be told apart.
    """
    same = sql.SQL(" AND ").join(
        compose("k.{old} = {new}", old=identifier(old), new=shown(new)) for old, new in keys.items()
    )
    return bool(
        session.value(
            compose(
                "SELECT ({partitioned} OR pg_catalog.pg_stat_get_xact_tuples_updated({oid}) > 0)"
                " AND EXISTS (SELECT FROM {rows} AS t WHERE NOT EXISTS (SELECT FROM {before} AS k WHERE {same}))"
                " AND EXISTS (SELECT FROM {before} AS k WHERE NOT EXISTS (SELECT FROM {rows} AS t WHERE {same}))",
                partitioned=literal(now.partitioned),
                oid=literal(now.oid),
                rows=now.rows,
                before=identifier(LEDGER_SCHEMA, _before(copy)),
                same=same,
            )
        )
    )


def narrow_without_key(
    session: Session, now: Source, copy: str, columns: Collection[str], *, comment: str
) -> None:
    """Make the copy final with those of its rows that are not in the table any more; rows are compared whole."""
    session.execute(
        compose(
            "CREATE TABLE {made} AS SELECT {columns} FROM {before} EXCEPT ALL SELECT {values} FROM {rows} AS t;"
            " DROP TABLE {before}; ALTER TABLE {made} ADD COLUMN {after} bigint; {comment}",
            made=identifier(LEDGER_SCHEMA, copy),
            columns=comma_separated(*(identifier(each) for each in columns)),
            before=identifier(LEDGER_SCHEMA, _before(copy)),
            values=comma_separated(*(shown(each) for each in columns)),
            rows=now.rows,
            after=identifier(AFTER),
            comment=_comment(copy, comment),
        )
    )
    _close(session, copy)


def unmatched(session: Session, copy: str) -> int:
    """How many rows of the copy had no row with their key after the step."""
    return int(
        session.value(
            compose(
                "SELECT count(*) FROM {copy} WHERE {after} IS NULL",
                copy=identifier(LEDGER_SCHEMA, copy),
                after=identifier(AFTER),
            )
        )
    )


def measure(session: Session, copy: str, columns: Collection[str]) -> tuple[int, int, str]:
    """Rows of the copy, its size in bytes, and the checksum over its values."""
    rows, size, checksum = session.rows(
        compose(
            "SELECT count(*), pg_catalog.pg_table_size({name}::regclass),"
            " coalesce(sum({digest}::numeric), 0)::text FROM {copy} AS k",
            name=literal(f"{LEDGER_SCHEMA}.{copy}"),
            digest=text_digest(columns),
            copy=identifier(LEDGER_SCHEMA, copy),
        )
    )[0]
    return int(rows), int(size), str(checksum)


def size_of(session: Session, copy: str) -> int:
    """Size in bytes of a copy whose step has not run yet."""
    return int(
        session.value(
            compose(
                "SELECT pg_catalog.pg_table_size({name}::regclass)",
                name=literal(f"{LEDGER_SCHEMA}.{_before(copy)}"),
            )
        )
    )


def checksum_of_source(session: Session, source: Source, columns: Collection[str]) -> str:
    """The checksum that a true copy of these columns has."""
    return str(
        session.value(
            compose(
                "SELECT coalesce(sum({digest}::numeric), 0)::text FROM {rows} AS t",
                digest=digest(columns),
                rows=source.rows,
            )
        )
    )


def checksum_of_copy(session: Session, copy: str, columns: Collection[str], *, step_is_over: bool) -> str:
    """The checksum over a copy as it is."""
    return str(
        session.value(
            compose(
                "SELECT coalesce(sum({digest}::numeric), 0)::text FROM {copy} AS k",
                digest=text_digest(columns),
                copy=identifier(LEDGER_SCHEMA, copy if step_is_over else _before(copy)),
            )
        )
    )


def text_digest(columns: Collection[str]) -> sql.Composable:
    """The digest of values that are printed already."""
    return compose(
        "pg_catalog.hashtextextended((ARRAY[{values}]::text[])::text, 0)",
        values=comma_separated(*(identifier("k", each) for each in columns)),
    )


def drop_copy(session: Session, copy: str) -> None:
    """Drop a copy, finished or not."""
    for name in (copy, _before(copy)):
        session.execute(compose("DROP TABLE IF EXISTS {table}", table=identifier(LEDGER_SCHEMA, name)))
