"""What came of putting kept values back: the proof, and the rows that keep their own values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.postgres.keeping.back import copy_table, differs
from coordinator.postgres.keeping.copy import CHANGED, REFUSED
from coordinator.postgres.keeping.source import equal
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Counts of rows after putting back.

    `good` hold the kept values; `wrong` do not, though nobody had changed them; `changed` were changed since and keep
    their own values; `refused` could not get theirs, or not be made anew, because of the constraints `refused_by`.
    """

    good: int
    wrong: int
    changed: int
    refused: int
    refused_by: tuple[str, ...]

    @property
    def conflicts(self) -> int:
        """Rows whose kept values stay in the copy."""
        return self.changed + self.refused


def compare(
    session: Session, copy: str, target: Source, *, keys: Collection[str], columns: Collection[str]
) -> Outcome:
    """What the table holds now against the copy."""
    good, wrong, changed, refused, by = session.rows(
        compose(
            "SELECT count(*) FILTER (WHERE there AND NOT d), count(*) FILTER (WHERE there AND d AND NOT c),"
            " count(*) FILTER (WHERE there AND d AND c AND r IS NULL),"
            ' count(r) FILTER (WHERE d OR NOT there), array_agg(DISTINCT r COLLATE "C") FILTER (WHERE r IS NOT NULL'
            " AND (d OR NOT there))"
            " FROM (SELECT t.tableoid IS NOT NULL AS there, {differs} AS d, k.{changed} AS c, k.{refused} AS r"
            " FROM {copy} AS k LEFT JOIN {rows} AS t ON {same}) AS s",
            differs=differs(columns),
            changed=identifier(CHANGED),
            refused=identifier(REFUSED),
            copy=copy_table(copy),
            rows=target.rows,
            same=equal(keys),
        )
    )[0]
    return Outcome(
        good=int(good),
        wrong=int(wrong),
        changed=int(changed),
        refused=int(refused),
        refused_by=tuple(by or ()),
    )


def conflicting_keys(
    session: Session,
    copy: str,
    target: Source,
    *,
    keys: Collection[str],
    columns: Collection[str],
    refused: bool,
    limit: int,
) -> tuple[tuple[str, ...], ...]:
    """The keys of some rows that were changed since and keep their own values, or of some that were refused."""
    return tuple(
        session.rows(
            compose(
                "SELECT {keys} FROM {copy} AS k LEFT JOIN {rows} AS t ON {same} WHERE k.{changed}"
                " AND (k.{refused} IS NOT NULL) = {wanted}"
                " AND CASE WHEN t.tableoid IS NULL THEN k.{refused} IS NOT NULL ELSE {differs} END"
                " ORDER BY {keys} LIMIT {limit}",
                keys=comma_separated(*(identifier("k", each) for each in keys)),
                copy=copy_table(copy),
                rows=target.rows,
                same=equal(keys),
                changed=identifier(CHANGED),
                refused=identifier(REFUSED),
                wanted=literal(refused),
                differs=differs(columns),
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
            "DELETE FROM {copy} AS d USING (SELECT k.ctid AS place, CASE WHEN t.tableoid IS NULL"
            " THEN k.{refused} IS NOT NULL ELSE k.{changed} AND {differs} END AS stays"
            " FROM {copy} AS k LEFT JOIN {rows} AS t ON {same}) AS s"
            " WHERE s.place = d.ctid AND NOT s.stays;"
            " ALTER TABLE {copy} DROP COLUMN {changed}, DROP COLUMN {refused}",
            copy=copy_table(copy),
            rows=target.rows,
            same=equal(keys),
            changed=identifier(CHANGED),
            refused=identifier(REFUSED),
            differs=differs(columns),
        )
    )
