"""Putting kept values back into a table: which rows were changed since, what is written, and the proof."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.postgres.keep_copy import AFTER, CHANGED
from coordinator.postgres.keep_source import digest, equal, shown
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from coordinator.postgres.keep_source import Source
    from coordinator.postgres.session import Session

_TRUE, _FALSE = compose("true"), compose("false")


def _copy(name: str) -> sql.Composable:
    return identifier(LEDGER_SCHEMA, name)


def _any(parts: Collection[sql.Composable]) -> sql.Composable:
    return compose("({parts})", parts=sql.SQL(" OR ").join(parts)) if parts else _FALSE


def mark_changed(
    session: Session, copy: str, now: Source | None, *, keys: dict[str, str], rest: Collection[str]
) -> None:
    """Note in the copy which rows are not as the step left them; before the opposite step touches the table.

    `now` is the table as the step left it, None when the step left none; `keys` maps the copy's key columns to
    what they are called in it. `rest` are the columns that the digest was taken over.
    """
    session.execute(
        compose(
            "ALTER TABLE {copy} DROP COLUMN IF EXISTS {changed}, ADD COLUMN {changed} boolean NOT NULL DEFAULT false",
            copy=_copy(copy),
            changed=identifier(CHANGED),
        )
    )
    if now is None or not keys:
        return
    comparable = set(rest) <= set(now.stored)
    inner = [
        compose(
            "{value} AS {name}", value=digest(rest) if comparable else literal(None), name=identifier(AFTER)
        )
    ]
    inner.extend(
        compose("{value} AS {name}", value=shown(new), name=identifier(f"key {old}"))
        for old, new in keys.items()
    )
    same = sql.SQL(" AND ").join(
        compose("o.{old} = t.{new}", old=identifier(old), new=identifier(f"key {old}")) for old in keys
    )
    session.execute(
        compose(
            "UPDATE {copy} AS k SET {changed} = true FROM (SELECT o.ctid AS place, t.{after} FROM {copy} AS o"
            " LEFT JOIN (SELECT {inner} FROM {rows} AS t) AS t ON {same}) AS s"
            " WHERE s.place = k.ctid AND k.{after} IS DISTINCT FROM s.{after}::bigint",
            copy=_copy(copy),
            changed=identifier(CHANGED),
            after=identifier(AFTER),
            inner=comma_separated(*inner),
            rows=now.rows,
            same=same,
        )
    )


def fill(
    session: Session,
    copy: str,
    target: Source,
    *,
    keys: Collection[str],
    columns: Collection[str],
    came_back: Collection[str],
) -> int:
    """Write kept values over those of rows that are there; how many rows got other values.

    A row that was changed since gets one only in a column of `came_back` (it was not there meanwhile) that holds
    nothing or its default.
    """
    written = _update(session, copy, target, keys, columns, compose("NOT k.{c}", c=identifier(CHANGED)))
    for name in came_back:
        empty = [compose("t.{name} IS NULL", name=identifier(name))]
        column = target.column(name)
        if column is not None and column.default is not None and "(" not in column.default:
            default = compose("pg_catalog.format('%s', {default})", default=sql.SQL(column.default))
            empty.append(compose("{value} = {default}", value=shown(name), default=default))
        condition = compose("k.{c} AND {empty}", c=identifier(CHANGED), empty=_any(empty))
        written += _update(session, copy, target, keys, (name,), condition)
    return written


def _update(
    session: Session,
    copy: str,
    target: Source,
    keys: Collection[str],
    columns: Collection[str],
    condition: sql.Composable,
) -> int:
    if not columns:
        return 0
    values = (
        compose("{name} = {value}", name=identifier(name), value=_read(target, name)) for name in columns
    )
    return session.execute(
        compose(
            "UPDATE {rows} AS t SET {values} FROM {copy} AS k WHERE {same} AND {condition} AND {differs}",
            rows=target.rows,
            values=comma_separated(*values),
            copy=_copy(copy),
            same=equal(keys),
            condition=condition,
            differs=_differs(columns),
        )
    ).rowcount


def _differs(columns: Collection[str]) -> sql.Composable:
    return _any(
        [
            compose("{now} IS DISTINCT FROM k.{kept}", now=shown(name), kept=identifier(name))
            for name in columns
        ]
    )


def _read(target: Source, name: str) -> sql.Composable:
    """The kept text as a value of the column's type."""
    column = target.column(name)
    assert column is not None
    return compose(
        "k.{name}::{type}",
        name=identifier(name),
        type=sql.SQL(column.type),
    )


def insert(
    session: Session, copy: str, target: Source, *, keys: Collection[str], columns: Collection[str]
) -> int:
    """Make the rows anew that are not there and were not changed since; how many. Without a key: all of them."""
    missing = (
        compose("NOT EXISTS (SELECT FROM {rows} AS t WHERE {same})", rows=target.rows, same=equal(keys))
        if keys
        else _TRUE
    )
    return session.execute(
        compose(
            "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {copy} AS k"
            " WHERE NOT k.{changed} AND {missing}",
            table=identifier(target.schema, target.name),
            names=comma_separated(*(identifier(name) for name in columns)),
            values=comma_separated(*(_read(target, name) for name in columns)),
            copy=_copy(copy),
            changed=identifier(CHANGED),
            missing=missing,
        )
    ).rowcount


def compare(
    session: Session, copy: str, target: Source, *, keys: Collection[str], columns: Collection[str]
) -> tuple[int, int, int]:
    """After putting back: rows that hold the kept values, unchanged rows that do not, and changed rows that do not."""
    good, wrong, conflicts = session.rows(
        compose(
            "SELECT count(*) FILTER (WHERE NOT d), count(*) FILTER (WHERE d AND NOT c),"
            " count(*) FILTER (WHERE d AND c)"
            " FROM (SELECT {differs} AS d, k.{changed} AS c FROM {copy} AS k JOIN {rows} AS t ON {same}) AS s",
            differs=_differs(columns),
            changed=identifier(CHANGED),
            copy=_copy(copy),
            rows=target.rows,
            same=equal(keys),
        )
    )[0]
    return int(good), int(wrong), int(conflicts)


def conflicting_keys(
    session: Session,
    copy: str,
    target: Source,
    *,
    keys: Collection[str],
    columns: Collection[str],
    limit: int,
) -> tuple[tuple[str, ...], ...]:
    """The keys of some rows that were changed since and keep their own values."""
    return tuple(
        session.rows(
            compose(
                "SELECT {keys} FROM {copy} AS k JOIN {rows} AS t ON {same} WHERE k.{changed} AND {differs}"
                " ORDER BY {keys} LIMIT {limit}",
                keys=comma_separated(*(identifier("k", each) for each in keys)),
                copy=_copy(copy),
                rows=target.rows,
                same=equal(keys),
                changed=identifier(CHANGED),
                differs=_differs(columns),
                limit=literal(limit),
            )
        )
    )


def keep_conflicts(
    session: Session, copy: str, target: Source, *, keys: Collection[str], columns: Collection[str]
) -> None:
    """Leave in the copy only the rows whose values could not go back."""
    session.execute(
        compose(
            "DELETE FROM {copy} AS k WHERE NOT (k.{changed} AND EXISTS (SELECT FROM {rows} AS t"
            " WHERE {same} AND {differs}));"
            " ALTER TABLE {copy} DROP COLUMN {changed}",
            copy=_copy(copy),
            rows=target.rows,
            same=equal(keys),
            changed=identifier(CHANGED),
            differs=_differs(columns),
        )
    )


def newer_rows(session: Session, copy: str, now: Source, *, keys: dict[str, str]) -> int:
    """How many rows of the table have no row in the copy: they came later, and there is no value for them."""
    same = sql.SQL(" AND ").join(
        compose("k.{old} = {value}", old=identifier(old), value=shown(new)) for old, new in keys.items()
    )
    return int(
        session.value(
            compose(
                "SELECT count(*) FROM {rows} AS t WHERE NOT EXISTS (SELECT FROM {copy} AS k WHERE {same})",
                rows=now.rows,
                copy=_copy(copy),
                same=same,
            )
        )
    )


def raise_sequences(session: Session, target: Source, columns: Collection[str]) -> None:
    """Bring the sequences of these columns up to the highest value in them; never back."""
    for name in columns:
        sequence = session.value(
            compose(
                "SELECT pg_catalog.pg_get_serial_sequence({table}, {column})",
                table=literal(_quoted(session, target)),
                column=literal(name),
            )
        )
        if sequence is not None:
            session.execute(
                compose(
                    "SELECT pg_catalog.setval({sequence}::regclass, m.high) FROM (SELECT max({column}) AS high"
                    " FROM {table}) AS m WHERE m.high >= (SELECT last_value FROM {named})",
                    sequence=literal(sequence),
                    column=identifier(name),
                    table=identifier(target.schema, target.name),
                    named=sql.SQL(sequence),
                )
            )


def _quoted(session: Session, target: Source) -> str:
    return str(
        session.value(
            compose(
                "SELECT pg_catalog.format('%I.%I', {schema}::text, {name}::text)",
                schema=literal(target.schema),
                name=literal(target.name),
            )
        )
    )


_ENABLE = {"O": "ENABLE TRIGGER", "R": "ENABLE REPLICA TRIGGER", "A": "ENABLE ALWAYS TRIGGER"}


@contextmanager
def by_ourselves(session: Session, target: Source, columns: Collection[str]) -> Iterator[None]:
    """Write exactly what was kept: no trigger of the table's owner has a say, and no identity is made anew."""
    table = identifier(target.schema, target.name)
    triggers = session.rows(
        compose(
            "SELECT tgname::text, tgenabled::text FROM pg_catalog.pg_trigger"
            " WHERE tgrelid = {oid} AND NOT tgisinternal AND tgenabled <> 'D'",
            oid=literal(target.oid),
        )
    )
    identities = [each.name for each in target.columns if each.identity == "a" and each.name in columns]
    for name, _ in triggers:
        _alter(session, table, compose("DISABLE TRIGGER {name}", name=identifier(name)))
    for name in identities:
        _alter(session, table, compose("ALTER {name} SET GENERATED BY DEFAULT", name=identifier(name)))
    yield
    for name in identities:
        _alter(session, table, compose("ALTER {name} SET GENERATED ALWAYS", name=identifier(name)))
    for name, state in triggers:
        _alter(session, table, compose(f"{_ENABLE[state]} {{name}}", name=identifier(name)))


def _alter(session: Session, table: sql.Composable, action: sql.Composable) -> None:
    session.execute(compose("ALTER TABLE {table} {action}", table=table, action=action))


def set_mandatory(session: Session, target: Source, column: str) -> None:
    """Refuse rows without a value in the column from here on."""
    _alter(
        session,
        identifier(target.schema, target.name),
        compose("ALTER COLUMN {name} SET NOT NULL", name=identifier(column)),
    )


def reference_ranks(session: Session, tables: Collection[tuple[str, str]]) -> dict[tuple[str, str], int]:
    """How deep each of these tables stands below those that its foreign keys point at; 0: it points at none of them."""
    found = session.rows(
        compose(
            "SELECT n.nspname::text, c.relname::text, o.nspname::text, r.relname::text"
            " FROM pg_catalog.pg_constraint AS k JOIN pg_catalog.pg_class AS c ON c.oid = k.conrelid"
            " JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace"
            " JOIN pg_catalog.pg_class AS r ON r.oid = k.confrelid"
            " JOIN pg_catalog.pg_namespace AS o ON o.oid = r.relnamespace"
            " WHERE k.contype = 'f' AND k.conrelid <> k.confrelid AND n.nspname = ANY ({schemas}::text[])",
            schemas=literal(sorted({schema for schema, _ in tables})),
        )
    )
    wanted = set(tables)
    edges = {((row[0], row[1]), (row[2], row[3])) for row in found}
    edges = {(child, parent) for child, parent in edges if child in wanted and parent in wanted}
    ranks = dict.fromkeys(wanted, 0)
    for _ in wanted:  # a circle of keys ends here too, in some order
        for child, parent in edges:
            ranks[child] = min(max(ranks[child], ranks[parent] + 1), len(wanted))
    return ranks
