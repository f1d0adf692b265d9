"""Rows of a copy whose kept values do not count, since the opposite step itself brought something else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.keeping.back import any_of, copy_table, is_empty
from coordinator.postgres.keeping.copy import AFTER, CHANGED, TWINS, WAS, WON, text_digest
from coordinator.postgres.keeping.outcome import Conflict
from coordinator.postgres.keeping.source import digest, equal, same_row, shown
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from psycopg import sql

    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session


def note_values(
    session: Session, copy: str, now: Source | None, *, keys: dict[str, str], columns: Sequence[str]
) -> None:
    """Note in the copy what its rows hold in these columns, before the opposite step; nothing where they are not there.

    `now` and `keys` are as in `mark_changed`.
    """
    session.execute(
        compose(
            "ALTER TABLE {copy} DROP COLUMN IF EXISTS {was}, ADD COLUMN {was} text[]",
            copy=copy_table(copy),
            was=identifier(WAS),
        )
    )
    if now is None or not keys or not set(columns) & set(now.stored):
        return
    values = comma_separated(*(shown(each) if each in now.stored else literal(None) for each in columns))
    session.execute(
        compose(
            "UPDATE {copy} AS k SET {was} = ARRAY[{values}]::text[] FROM {rows} AS t WHERE {same}",
            copy=copy_table(copy),
            was=identifier(WAS),
            values=values,
            rows=now.rows,
            same=same_row(keys),
        )
    )


def mark_own(
    session: Session,
    copy: str,
    target: Source,
    *,
    keys: Collection[str],
    columns: Sequence[str],
    passed_over: Collection[str] = (),
) -> None:
    """Mark the rows that the step gave another value than the kept one in one of these columns, and not an empty one.

    `columns` are those of `note_values`, and `passed_over` are some of them that say nothing.
    """
    own = any_of(
        [
            compose(
                "({now} IS DISTINCT FROM k.{kept} AND NOT {empty} AND {now} IS DISTINCT FROM k.{was}[{number}])",
                now=shown(each),
                kept=identifier(each),
                empty=_is_own_default(target, each),
                was=identifier(WAS),
                number=literal(number),
            )
            for number, each in enumerate(columns, start=1)
            if each not in passed_over
        ]
    )
    session.execute(
        compose(
            "UPDATE {copy} AS k SET {changed} = true, {won} = {why} FROM {rows} AS t"
            " WHERE NOT k.{changed} AND {same} AND {own}",
            copy=copy_table(copy),
            changed=identifier(CHANGED),
            won=identifier(WON),
            why=literal(Conflict.OWN.value),
            rows=target.rows,
            same=equal(keys),
            own=own,
        )
    )


def _is_own_default(target: Source, name: str) -> sql.Composable:
    """Whether the row holds nothing in the column, or what the server puts there by itself; a new number is one of these."""
    column = target.column(name)
    if column is not None and (column.identity or (column.default or "").startswith("nextval(")):
        return compose("true")
    return is_empty(target, name)


def brought_any(session: Session, copy: str, target: Source, *, keys: Collection[str]) -> bool:
    """Whether the step brought back some row that the copy's step had removed; one that was there before it is none."""
    return bool(
        session.value(
            compose(
                "SELECT EXISTS (SELECT FROM {copy} AS k JOIN {rows} AS t ON {same} WHERE k.{after} IS NULL"
                " AND (NOT k.{changed} OR k.{won} IS NOT NULL))",
                copy=copy_table(copy),
                rows=target.rows,
                same=equal(keys),
                after=identifier(AFTER),
                changed=identifier(CHANGED),
                won=identifier(WON),
            )
        )
    )


def mark_not_brought(session: Session, copy: str, target: Source, *, keys: Collection[str]) -> None:
    """Mark the rows that the step did not bring back."""
    _mark_missing(session, copy, target, keys, compose("true"), Conflict.NOT_BROUGHT)


def count_twins(
    session: Session,
    copy: str,
    now: Source | None,
    *,
    keys: dict[str, str],
    columns: Collection[str],
) -> None:
    """Note in the copy how many rows under other keys hold the same in these columns, before the opposite step."""
    session.execute(
        compose(
            "ALTER TABLE {copy} DROP COLUMN IF EXISTS {twins}, ADD COLUMN {twins} bigint NOT NULL DEFAULT 0",
            copy=copy_table(copy),
            twins=identifier(TWINS),
        )
    )
    if now is None or not keys or not set(columns) <= set(now.stored):
        return
    session.execute(
        compose(
            "UPDATE {copy} AS k SET {twins} = s.many FROM {others} AS s WHERE s.d = {digest}",
            copy=copy_table(copy),
            twins=identifier(TWINS),
            others=_others(copy, now, keys, columns),
            digest=text_digest(columns),
        )
    )


def mark_twins(
    session: Session, copy: str, target: Source, *, keys: Collection[str], columns: Collection[str]
) -> None:
    """Mark the rows that are missing, and of which the step made one that is the same under another key."""
    more = compose(
        "EXISTS (SELECT FROM {others} AS s WHERE s.d = {digest} AND s.many > k.{twins})",
        others=_others(copy, target, {each: each for each in keys}, columns),
        digest=text_digest(columns),
        twins=identifier(TWINS),
    )
    _mark_missing(session, copy, target, keys, more, Conflict.TWIN)


def _others(copy: str, table: Source, keys: dict[str, str], columns: Collection[str]) -> sql.Composed:
    """How many rows of the table have no row in the copy and hold the same in these columns."""
    return compose(
        "(SELECT {digest} AS d, count(*) AS many FROM {rows} AS t"
        " WHERE NOT EXISTS (SELECT FROM {copy} AS k WHERE {same}) GROUP BY 1)",
        digest=digest(columns),
        rows=table.rows,
        copy=copy_table(copy),
        same=same_row(keys),
    )


def _mark_missing(
    session: Session,
    copy: str,
    target: Source,
    keys: Collection[str],
    condition: sql.Composable,
    why: Conflict,
) -> None:
    session.execute(
        compose(
            "UPDATE {copy} AS k SET {changed} = true, {won} = {why} WHERE NOT k.{changed} AND {condition}"
            " AND NOT EXISTS (SELECT FROM {rows} AS t WHERE {same})",
            copy=copy_table(copy),
            changed=identifier(CHANGED),
            won=identifier(WON),
            why=literal(why.value),
            condition=condition,
            rows=target.rows,
            same=equal(keys),
        )
    )
