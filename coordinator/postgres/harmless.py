"""Which functions cannot write rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.postgres.session import Session

# An aggregate is always called immutable, whatever its transitions do.
_HARMLESS = """SELECT p.proname FROM pg_catalog.pg_proc AS p
    WHERE p.proname = ANY (%s::name[])
    GROUP BY p.proname
    HAVING bool_and(p.pronamespace = 'pg_catalog'::regnamespace OR (p.provolatile = 'i' AND p.prokind <> 'a'))"""


def harmless_functions(session: Session, names: Collection[str]) -> frozenset[str]:
    """Those of the names that only functions bear which cannot write rows: PostgreSQL's own, and IMMUTABLE ones."""
    if not names:
        return frozenset()
    return frozenset(str(name) for (name,) in session.rows(_HARMLESS, (sorted(names),)))
