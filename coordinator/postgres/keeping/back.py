"""Putting kept values back into a table: which rows were changed since, and what is written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.postgres.keeping.copy import AFTER, CHANGED, REFUSED, WON
from coordinator.postgres.keeping.each import BY_ANY, all_or_each, all_or_none
from coordinator.postgres.keeping.source import digest, equal, same_row, shown
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session

# Types of keys that are usual, and whose values are equal where their texts are.
_PLAIN = frozenset(
    {
        *("smallint", "integer", "bigint", "numeric", "uuid", "text", "character varying", "bpchar", "date"),
        *("timestamp without time zone", "timestamp with time zone", "inet", "bytea"),
    }
)
_TRUE, _FALSE = compose("true"), compose("false")


def copy_table(name: str) -> sql.Composable:
    """The copy of that name."""
    return identifier(LEDGER_SCHEMA, name)


def any_of(parts: Collection[sql.Composable]) -> sql.Composable:
    """Whether one of these conditions holds."""
    return compose("({parts})", parts=sql.SQL(" OR ").join(parts)) if parts else _FALSE


def mark_changed(
    session: Session, copy: str, now: Source | None, *, keys: dict[str, str], rest: Collection[str]
) -> None:
    """Note in the copy which rows are not as the step left them; before the opposite step touches the table.

    `now` is the table as the step left it, None when the step left none; `keys` maps the copy's key columns to
    what they are called in it. `rest` are the columns that the digest was taken over.
    """
    # Where a publication covers all tables, the server updates no row of one that has no identity.
    session.execute(
        compose(
            "ALTER TABLE {copy} DROP COLUMN IF EXISTS {changed}, ADD COLUMN {changed} boolean NOT NULL DEFAULT false,"
            " DROP COLUMN IF EXISTS {refused}, ADD COLUMN {refused} text,"
            " DROP COLUMN IF EXISTS {won}, ADD COLUMN {won} text, REPLICA IDENTITY FULL",
            copy=copy_table(copy),
            changed=identifier(CHANGED),
            refused=identifier(REFUSED),
            won=identifier(WON),
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
            copy=copy_table(copy),
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
    refusals: Collection[str] = (),
) -> None:
    """Write kept values over those of rows that are there.

    A row that was changed since gets one only in a column of `came_back` (it was not there meanwhile) that holds
    nothing or its default. A row that is refused with one of the SQLSTATEs `refusals` is noted, and the others get theirs.
    """
    changed = compose("k.{c}", c=identifier(CHANGED))
    unchanged = compose("NOT k.{c}", c=identifier(CHANGED))
    _update(session, copy, target, keys, columns, unchanged, refusals=refusals)
    for name in came_back:
        condition = compose("{changed} AND {empty}", changed=changed, empty=is_empty(target, name))
        _update(session, copy, target, keys, (name,), condition, refusals=refusals)


def fill_early(
    session: Session,
    copy: str,
    target: Source,
    *,
    keys: Collection[str],
    column: str,
    came_back: bool,
    computed: bool,
) -> None:
    """Write kept values into one column while the step is at work: where it holds nothing, or everywhere if `computed`.

    Rows that were changed since get theirs where the column `came_back`. Where a constraint refuses one in a computed
    column, that stays as it is: which rows are refused is told at the end.
    """
    where = _TRUE if came_back else compose("NOT k.{changed}", changed=identifier(CHANGED))
    if not computed:
        where = compose("{where} AND t.{name} IS NULL", where=where, name=identifier(column))
    statement = _updating(copy, target, keys, (column,), where)
    if computed:
        all_or_none(session, statement, BY_ANY)
    else:
        session.execute(statement)


def is_empty(target: Source, name: str) -> sql.Composable:
    """Whether the row `t` of the table holds nothing in that column, or its default."""
    empty = [compose("t.{name} IS NULL", name=identifier(name))]
    column = target.column(name)
    if column is not None and column.default is not None and "(" not in column.default:
        default = compose("pg_catalog.format('%s', {default})", default=sql.SQL(column.default))
        empty.append(compose("{value} = {default}", value=shown(name), default=default))
    return any_of(empty)


def _update(
    session: Session,
    copy: str,
    target: Source,
    keys: Collection[str],
    columns: Collection[str],
    condition: sql.Composable,
    *,
    refusals: Collection[str],
) -> None:
    if not columns:
        return
    statement = _updating(copy, target, keys, columns, condition)
    if refusals:
        alone = compose("{statement} AND {same}", statement=statement, same=_found_by_index(target, keys))
        all_or_each(session, copy_table(copy), statement, alone, refusals)
    else:
        session.execute(statement)


def _updating(
    copy: str, target: Source, keys: Collection[str], columns: Collection[str], condition: sql.Composable
) -> sql.Composed:
    values = (
        compose("{name} = {value}", name=identifier(name), value=_read(target, name)) for name in columns
    )
    return compose(
        "UPDATE {rows} AS t SET {values} FROM {copy} AS k WHERE {same} AND {condition} AND {differs}",
        rows=target.rows,
        values=comma_separated(*values),
        copy=copy_table(copy),
        same=equal(keys),
        condition=condition,
        differs=differs(columns),
    )


def differs(columns: Collection[str]) -> sql.Composable:
    """Whether the row `t` of the table and the row `k` of the copy differ in one of these columns."""
    return any_of(
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


def _found_by_index(target: Source, keys: Collection[str]) -> sql.Composable:
    """A condition that follows from equal keys, and for which the server need not read the whole table.

    Only for the server's own types: what `=` means for others depends on the search path.
    """
    plain = [
        each
        for each in keys
        if (column := target.column(each)) is not None and column.type.partition("(")[0] in _PLAIN
    ]
    if not plain:
        return _TRUE
    return sql.SQL(" AND ").join(
        compose("t.{name} = {value}", name=identifier(each), value=_read(target, each)) for each in plain
    )


def insert(
    session: Session,
    copy: str,
    target: Source,
    *,
    keys: Collection[str],
    columns: Collection[str],
    refusals: Collection[str] = (),
) -> int:
    """Make the rows anew that are not there and were not changed since; how many. Without a key: all of them.

    A row that is refused with one of the SQLSTATEs `refusals` is noted, and the others are made.
    """
    statement = _insertion(copy, target, columns, equal(keys) if keys else None)
    if not refusals or not keys:
        return session.execute(statement).rowcount
    same = compose("{same} AND {found}", same=equal(keys), found=_found_by_index(target, keys))
    return all_or_each(
        session, copy_table(copy), statement, _insertion(copy, target, columns, same), refusals
    )


def _insertion(
    copy: str, target: Source, columns: Collection[str], same: sql.Composable | None
) -> sql.Composed:
    missing = (
        _TRUE
        if same is None
        else compose("NOT EXISTS (SELECT FROM {rows} AS t WHERE {same})", rows=target.rows, same=same)
    )
    return compose(
        "INSERT INTO {table} ({names}) OVERRIDING SYSTEM VALUE SELECT {values} FROM {copy} AS k"
        " WHERE NOT k.{changed} AND {missing}",
        table=identifier(target.schema, target.name),
        names=comma_separated(*(identifier(name) for name in columns)),
        values=comma_separated(*(_read(target, name) for name in columns)),
        copy=copy_table(copy),
        changed=identifier(CHANGED),
        missing=missing,
    )


def newer_rows(session: Session, copy: str, now: Source, *, keys: dict[str, str]) -> int:
    """How many rows of the table have no row in the copy: they came later, and there is no value for them."""
    return int(
        session.value(
            compose(
                "SELECT count(*) FROM {rows} AS t WHERE NOT EXISTS (SELECT FROM {copy} AS k WHERE {same})",
                rows=now.rows,
                copy=copy_table(copy),
                same=same_row(keys),
            )
        )
    )
