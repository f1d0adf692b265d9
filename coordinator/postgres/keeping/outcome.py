"""What came of putting kept values back: the proof, and the rows that keep their own values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.postgres.keeping.back import copy_table, differs
from coordinator.postgres.keeping.copy import CHANGED, REFUSED, TWINS, WAS, WHY, WON
from coordinator.postgres.keeping.source import equal
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from psycopg import sql

    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session


class Conflict(enum.Enum):
    """Why a row keeps its own values, or is not made anew."""

    CHANGED = "changed"  #: it was changed since
    REFUSED = "refused"  #: a constraint does not let the kept values in
    OWN = "own"  #: the function brought other values back, and these count
    NOT_BROUGHT = "not brought"  #: the function did not bring the row back, and that counts
    TWIN = "twin"  #: the function made a row that is the same under another key


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Counts of rows after putting back.

    `good` hold the kept values; `wrong` do not, though nothing is known against it; `conflicts` tells why others do
    not, and with `refused_by` the constraints that some were refused by.
    """

    good: int
    wrong: int
    conflicts: Mapping[Conflict, int]
    refused_by: tuple[str, ...]


def _conflict(columns: Collection[str]) -> sql.Composed:
    """Why the row `k` of the copy is in conflict with the row `t` of the table, which may be missing; null: it is not."""
    return compose(
        "CASE WHEN t.tableoid IS NULL THEN CASE WHEN k.{refused} IS NOT NULL THEN {by_constraint} ELSE k.{won} END"
        " WHEN k.{changed} AND {differs} THEN CASE WHEN k.{refused} IS NOT NULL THEN {by_constraint}"
        " ELSE coalesce(k.{won}, {since}) END END",
        refused=identifier(REFUSED),
        by_constraint=literal(Conflict.REFUSED.value),
        won=identifier(WON),
        changed=identifier(CHANGED),
        differs=differs(columns),
        since=literal(Conflict.CHANGED.value),
    )


def compare(
    session: Session, copy: str, target: Source, *, keys: Collection[str], columns: Collection[str]
) -> Outcome:
    """What the table holds now against the copy."""
    rows = session.rows(
        compose(
            "SELECT s.why, count(*) FILTER (WHERE there AND NOT d), count(*) FILTER (WHERE there AND d), count(*),"
            ' array_agg(DISTINCT r COLLATE "C") FILTER (WHERE r IS NOT NULL)'
            " FROM (SELECT t.tableoid IS NOT NULL AS there, {differs} AS d, {why} AS why, k.{refused} AS r"
            " FROM {copy} AS k LEFT JOIN {rows} AS t ON {same}) AS s GROUP BY s.why",
            differs=differs(columns),
            why=_conflict(columns),
            refused=identifier(REFUSED),
            copy=copy_table(copy),
            rows=target.rows,
            same=equal(keys),
        )
    )
    found = {row[0]: row[1:] for row in rows}
    good, wrong, _, _ = found.pop(None, (0, 0, 0, None))
    refused = found.get(Conflict.REFUSED.value, (0, 0, 0, None))
    return Outcome(
        good=int(good),
        wrong=int(wrong),
        conflicts={each: int(found[each.value][2]) for each in Conflict if each.value in found},
        refused_by=tuple(refused[3] or ()),
    )


def conflicting_keys(
    session: Session,
    copy: str,
    target: Source,
    *,
    keys: Collection[str],
    columns: Collection[str],
    why: Conflict,
    limit: int,
) -> tuple[tuple[str, ...], ...]:
    """The keys of some rows that are in conflict for that reason."""
    return tuple(
        session.rows(
            compose(
                "SELECT {keys} FROM {copy} AS k LEFT JOIN {rows} AS t ON {same} WHERE {conflict} = {why}"
                " ORDER BY {keys} LIMIT {limit}",
                keys=comma_separated(*(identifier("k", each) for each in keys)),
                copy=copy_table(copy),
                rows=target.rows,
                same=equal(keys),
                conflict=_conflict(columns),
                why=literal(why.value),
                limit=literal(limit),
            )
        )
    )


def keep_conflicts(
    session: Session, copy: str, target: Source, *, keys: Collection[str], columns: Collection[str]
) -> None:
    """Leave in the copy only the rows whose values could not go back, each with the reason."""
    session.execute(
        compose(
            "DELETE FROM {copy} AS d USING (SELECT k.ctid AS place, {conflict} IS NOT NULL AS stays"
            " FROM {copy} AS k LEFT JOIN {rows} AS t ON {same}) AS s"
            " WHERE s.place = d.ctid AND NOT s.stays;"
            " ALTER TABLE {copy} ADD COLUMN {why} text;"
            " UPDATE {copy} AS d SET {why} = s.why FROM (SELECT k.ctid AS place, {conflict} AS why"
            " FROM {copy} AS k LEFT JOIN {rows} AS t ON {same}) AS s WHERE s.place = d.ctid;"
            " ALTER TABLE {copy} {marks}",
            copy=copy_table(copy),
            rows=target.rows,
            same=equal(keys),
            conflict=_conflict(columns),
            why=identifier(WHY),
            marks=comma_separated(
                *(
                    compose("DROP COLUMN IF EXISTS {name}", name=identifier(each))
                    for each in (CHANGED, REFUSED, WON, WAS, TWINS)
                )
            ),
        )
    )


def is_unproved(session: Session, copy: str) -> bool:
    """Whether rows stay in that copy which nobody is seen to have changed; so too where we cannot know that."""
    if not session.value(
        "SELECT coalesce(pg_catalog.has_table_privilege(pg_catalog.to_regclass(%s), 'SELECT'), false)",
        (f"{LEDGER_SCHEMA}.{copy}",),
    ):
        return True
    # An older program left no reason: as jsonb the row has none then.
    return bool(
        session.value(
            compose(
                "SELECT EXISTS (SELECT FROM {copy} AS k WHERE pg_catalog.to_jsonb(k.*) ->> {why} IS DISTINCT FROM {changed})",
                copy=copy_table(copy),
                why=literal(WHY),
                changed=literal(Conflict.CHANGED.value),
            )
        )
    )
