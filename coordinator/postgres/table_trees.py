"""The tables and indexes of a database that others inherit from, and how many these are."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from coordinator.model.lock_table import TableTree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.postgres.session import Session

_TREES = """
WITH RECURSIVE tree (root, member) AS (
    SELECT DISTINCT inhparent, inhparent FROM pg_catalog.pg_inherits
    UNION SELECT tree.root, i.inhrelid FROM tree JOIN pg_catalog.pg_inherits AS i ON i.inhparent = tree.member
), standing (relation, count) AS (
    SELECT indrelid, count(*) FROM pg_catalog.pg_index GROUP BY indrelid
)
SELECT n.nspname, c.relname, count(*), coalesce(sum(standing.count), 0)::bigint
  FROM tree JOIN pg_catalog.pg_class AS c ON c.oid = tree.root
  JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN standing ON standing.relation = tree.member
 GROUP BY n.nspname, c.relname ORDER BY n.nspname, c.relname
"""


def read_table_trees(session: Session) -> Mapping[tuple[str, str], TableTree]:
    """Each of them by schema and name. Locks nothing but the catalog."""
    return MappingProxyType(
        {
            (schema, name): TableTree(relations=int(relations), indexes=int(indexes))
            for schema, name, relations, indexes in session.rows(_TREES)
        }
    )
