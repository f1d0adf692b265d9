"""What our own transaction holds and has done to relations so far, read in the middle of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.catalog import LEDGER_SCHEMA
from coordinator.model.locks import LockMode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.postgres.session import Session

_MODES = {mode.catalog_name: mode for mode in LockMode}
_TABLES = frozenset({"r", "p", "m", "f", "v"})

# Numbers below 16384 are PostgreSQL's own. An index and a toast table belong to a table; others to themselves.
_RELATIONS = """
SELECT c.oid::bigint, NULL, n.nspname, c.relname, c.relkind::text,
       coalesce(i.indrelid::bigint, substring(c.relname FROM '^pg_toast_([0-9]+)$')::bigint, c.oid::bigint),
       c.relfilenode::bigint, c.reltablespace::bigint,
       pg_catalog.pg_stat_get_xact_numscans(c.oid),
       pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
           + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)
  FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
 WHERE c.oid >= 16384 AND n.nspname <> %s AND c.relkind IN ('r', 'p', 'm', 'f', 'v', 'i', 'I', 't')
"""
_HELD = """
WITH held AS (
    SELECT relation, array_agg(mode) AS modes FROM pg_catalog.pg_locks
     WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted AND relation >= 16384
     GROUP BY relation
)
SELECT h.relation::bigint, h.modes, n.nspname, c.relname, c.relkind::text,
       coalesce(i.indrelid::bigint, substring(c.relname FROM '^pg_toast_([0-9]+)$')::bigint, c.oid::bigint),
       c.relfilenode::bigint, c.reltablespace::bigint,
       pg_catalog.pg_stat_get_xact_numscans(c.oid),
       pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)
           + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)
  FROM held AS h
  LEFT JOIN pg_catalog.pg_class AS c ON c.oid = h.relation
  LEFT JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracedRelation:
    """A relation at one moment; `owner` is the number of the table that it belongs to.

    `scans` and `written` count from some moment before on, so that only their differences mean something: the server
    also counts what earlier transactions did that it has not reported yet.
    """

    schema: str
    name: str
    kind: str  # PostgreSQL's letter
    owner: int
    file: int
    space: int
    scans: int = 0
    written: int = 0

    @property
    def is_table(self) -> bool:
        """Whether it is something that people read from: no index, no toast table."""
        return self.kind in _TABLES


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRelation:
    """A relation that the open transaction holds, and how; `now` is None when it is gone."""

    modes: frozenset[LockMode]
    now: TracedRelation | None


def tables_by_number(session: Session) -> dict[int, tuple[str, str]]:
    """Schema and name of everything that people read from, by its number."""
    found = traced_relations(session)
    return {number: (each.schema, each.name) for number, each in found.items() if each.is_table}


def traced_relations(session: Session) -> dict[int, TracedRelation]:
    """All relations by number, but for PostgreSQL's own and the ledger's."""
    rows = session.rows(_RELATIONS, (LEDGER_SCHEMA,))
    return {number: _relation(*rest) for number, _, *rest in rows}


def held_relations(session: Session) -> dict[int, HeldRelation]:
    """What the open transaction holds, by number."""
    return {
        number: HeldRelation(
            modes=frozenset(_MODES[each] for each in modes if each in _MODES),
            now=None if rest[1] is None else _relation(*rest),
        )
        for number, modes, *rest in session.rows(_HELD)
    }


def _relation(
    schema: str, name: str, kind: str, owner: int, file: int, space: int, scans: int, written: int
) -> TracedRelation:
    return TracedRelation(
        schema=schema,
        name=name,
        kind=kind,
        owner=owner,
        file=file,
        space=space,
        scans=scans,
        written=written,
    )


def sizes_of(session: Session, numbers: Sequence[int]) -> dict[int, int]:
    """Bytes of relations that we hold."""
    rows = session.rows(
        "SELECT oid::bigint, pg_catalog.pg_relation_size(oid) FROM unnest(%s::oid[]) AS wanted (oid)",
        (list(numbers),),
    )
    return {number: int(size or 0) for number, size in rows}
