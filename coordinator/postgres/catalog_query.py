"""The catalog query: one statement that reads the definition of every object, for PostgreSQL 14 to 18."""

from __future__ import annotations

from coordinator.postgres import catalog_database as database
from coordinator.postgres import catalog_relations as relations
from coordinator.postgres import catalog_types as types

# 16384 is the first OID that PostgreSQL gives to objects that are not its own.
_COMMON = r"""
WITH schemas AS MATERIALIZED (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace
     WHERE CASE WHEN {schemas}::text[] IS NULL
           THEN nspname !~ '^pg_' AND nspname NOT IN ('information_schema', {ledger})
           ELSE nspname = ANY ({schemas}::text[]) END
), members AS MATERIALIZED (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), said AS MATERIALIZED (
    SELECT classoid, objoid, objsubid, description, xmin::text || ctid::text AS version
        FROM pg_description
     WHERE objoid >= 16384 OR classoid = 'pg_namespace'::regclass
), relations AS MATERIALIZED (
    SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, c.relpersistence, c.relam, c.reloptions,
        c.reltoastrelid,
           c.relrowsecurity, c.relforcerowsecurity, c.relreplident, c.relispartition, c.relpartbound,
               c.reloftype,
           c.relispopulated, c.relacl, c.xmin::text || c.ctid::text AS version
      FROM pg_class AS c JOIN schemas AS n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
       AND c.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_class'::regclass)
), parents AS MATERIALIZED (
    SELECT i.inhrelid,
           'child of ' || string_agg(i.inhparent::regclass::text, ', ' ORDER BY i.inhseqno) AS parents,
           string_agg(i.xmin::text || i.ctid::text, ' ' ORDER BY i.inhseqno) AS version
      FROM pg_inherits AS i GROUP BY i.inhrelid
), unproved AS MATERIALIZED (
    SELECT conrelid, conkey[1] AS attnum FROM pg_constraint WHERE contype = 'n' AND NOT convalidated
        AND conrelid <> 0
), types AS MATERIALIZED (
    -- Arrays and multiranges come with their element, row types with their relation.
    SELECT t.*, t.xmin, t.ctid FROM pg_type AS t
      LEFT JOIN pg_class AS c ON c.oid = t.typrelid
     WHERE t.typnamespace IN (SELECT oid FROM schemas) AND t.typtype IN ('e', 'd', 'c', 'r', 'b')
       AND (t.typrelid = 0 OR c.relkind = 'c')
       AND NOT (t.typtype = 'b' AND t.typelem <> 0
           AND t.typsubscript = 'array_subscript_handler'::regproc)
       AND t.oid NOT IN (SELECT objid FROM members WHERE classid = 'pg_type'::regclass)
)
"""

_BRANCHES = (
    relations.TABLES_AND_VIEWS,  # the first one names the types of the columns
    database.SCHEMAS,
    relations.COLUMNS,
    relations.CONSTRAINTS,
    relations.INDEXES,
    relations.SEQUENCES,
    relations.TRIGGERS,
    relations.RULES,
    relations.POLICIES,
    relations.STATISTICS,
    types.ENUMS,
    types.DOMAINS,
    types.COMPOSITE_TYPES,
    types.OTHER_TYPES,
    types.FUNCTIONS,
    types.OPERATORS,
    types.COLLATIONS_AND_TEXT_SEARCH,
    database.PRIVILEGES,
    database.DEFAULT_PRIVILEGES,
    database.EXTENSIONS,
    database.EVENT_TRIGGERS,
    database.CASTS,
    database.FOREIGN_DATA,
    database.PUBLICATIONS,
)


def catalog_query(server_version: int) -> str:
    """The text for a server (its server_version_num), with the places {schemas} and {ledger} to be filled."""
    published = database.PUBLISHED_15 if server_version >= 150000 else database.PUBLISHED_14
    return _COMMON + "UNION ALL".join((*_BRANCHES, published))
