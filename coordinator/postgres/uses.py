"""Every lasting use that the catalog knows, in one schema or across them, and the names to read bodies of text by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import LastingUse, ObjectKind, ObjectName
from coordinator.postgres.reading import read_undisturbed
from coordinator.postgres.session import compose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.postgres.session import Session

# What each row of the dependency table can mean, by its own name. An index that a constraint stands on is told as the
# constraint, a view's rule as the view, a table's row type as the table, an array as what it holds. The inner name of a
# function is its argument types.
_NAMED = r"""
WITH own AS (
    SELECT oid, nspname FROM pg_namespace
     WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'migrate')),
relations AS (
    SELECT c.oid, o.nspname, c.relname, c.relkind FROM pg_class AS c JOIN own AS o ON o.oid = c.relnamespace),
named (class, oid, part, kind, schema, name, inner_name) AS (
    SELECT 'pg_class'::regclass, r.oid, 0,
           CASE r.relkind WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index'
                          WHEN 'c' THEN 'type' ELSE 'relation' END, r.nspname, r.relname, ''
      FROM relations AS r
     WHERE NOT EXISTS (SELECT FROM pg_constraint AS k WHERE k.conindid = r.oid AND k.contype IN ('p', 'u', 'x'))
    UNION ALL
    SELECT 'pg_class'::regclass, k.conindid, 0, 'constraint', r.nspname, r.relname, k.conname
      FROM pg_constraint AS k JOIN relations AS r ON r.oid = k.conrelid WHERE k.contype IN ('p', 'u', 'x')
    UNION ALL
    SELECT 'pg_class'::regclass, r.oid, a.attnum, 'column', r.nspname, r.relname, a.attname
      FROM pg_attribute AS a JOIN relations AS r ON r.oid = a.attrelid
     WHERE a.attnum > 0 AND NOT a.attisdropped AND r.relkind NOT IN ('i', 'I', 'S')
    UNION ALL
    SELECT 'pg_constraint'::regclass, k.oid, 0, 'constraint', r.nspname, r.relname, k.conname
      FROM pg_constraint AS k JOIN relations AS r ON r.oid = k.conrelid WHERE k.conparentid = 0
    UNION ALL
    SELECT 'pg_trigger'::regclass, t.oid, 0, 'trigger', r.nspname, r.relname, t.tgname
      FROM pg_trigger AS t JOIN relations AS r ON r.oid = t.tgrelid WHERE NOT t.tgisinternal AND t.tgparentid = 0
    UNION ALL
    SELECT 'pg_policy'::regclass, p.oid, 0, 'policy', r.nspname, r.relname, p.polname
      FROM pg_policy AS p JOIN relations AS r ON r.oid = p.polrelid
    UNION ALL
    SELECT 'pg_rewrite'::regclass, w.oid, 0, CASE w.rulename WHEN '_RETURN' THEN 'relation' ELSE 'rule' END,
           r.nspname, r.relname, CASE w.rulename WHEN '_RETURN' THEN '' ELSE w.rulename END
      FROM pg_rewrite AS w JOIN relations AS r ON r.oid = w.ev_class
    UNION ALL
    SELECT 'pg_attrdef'::regclass, d.oid, 0, CASE a.attgenerated WHEN '' THEN 'default' ELSE 'column' END,
           r.nspname, r.relname, a.attname
      FROM pg_attrdef AS d JOIN relations AS r ON r.oid = d.adrelid
      JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, 'function', o.nspname, p.proname, oidvectortypes(p.proargtypes)
      FROM pg_proc AS p JOIN own AS o ON o.oid = p.pronamespace
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 0,
           CASE WHEN r.oid IS NULL OR r.relkind = 'c' THEN 'type' ELSE 'relation' END, o.nspname, e.typname, ''
      FROM pg_type AS t JOIN pg_type AS e ON e.oid = CASE WHEN t.typcategory = 'A' AND t.typelem <> 0
                                                          THEN t.typelem ELSE t.oid END
      JOIN own AS o ON o.oid = e.typnamespace LEFT JOIN relations AS r ON r.oid = e.typrelid)
"""

# A sequence that belongs to a column, and the parts of a partitioned table's key or index, only go with it.
_DEPENDENCIES = r"""
SELECT DISTINCT h.kind, h.schema, h.name, h.inner_name, u.kind, u.schema, u.name, u.inner_name
  FROM pg_depend AS d
  JOIN named AS h ON h.class = d.classid AND h.oid = d.objid AND h.part = d.objsubid
  JOIN named AS u ON u.class = d.refclassid AND u.oid = d.refobjid AND u.part = d.refobjsubid
 WHERE d.deptype IN ('n', 'a') AND (h.kind, h.schema, h.name, h.inner_name) <> (u.kind, u.schema, u.name, u.inner_name)
   AND h.kind <> 'sequence'
   AND NOT (h.kind = 'index' AND u.kind = 'index')
   AND NOT EXISTS (SELECT FROM pg_depend AS e
                    WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')
"""

_COLUMNS = r"""
SELECT n.nspname, c.relname,
       array_agg(ARRAY[a.attname::text, t.typname::text] ORDER BY a.attnum) FILTER (WHERE a.attname IS NOT NULL)
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_type AS t ON t.oid = a.atttypid
 WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
 GROUP BY 1, 2
"""

_OTHERS = r"""
SELECT 'function', n.nspname, p.proname FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
UNION
SELECT 'type', n.nspname, t.typname FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
 WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND t.typtype IN ('e', 'd', 'r')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogUses:
    """What the catalog itself says; bodies of text (functions in `sql` and `plpgsql`) are not among the holders.

    `columns` are those of every relation, in order, with the bare names of their types; `functions` and `types` are
    schema and name of each.
    """

    uses: tuple[LastingUse, ...]
    columns: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
    functions: frozenset[tuple[str, str]]
    types: frozenset[tuple[str, str]]


def read_catalog_uses(session: Session) -> CatalogUses:
    """Views, foreign keys, checks, triggers, policies, rules, defaults, generated columns, indexes, partitions.

    A column that is used makes its relation used too. Sorted; only reads.
    """
    found: dict[LastingUse, None] = {}
    for row in read_undisturbed(session, compose(_NAMED + _DEPENDENCIES)):
        holder, used = _name(row[:4]), _name(row[4:])
        if holder != used:  # or a function that calls another one of its name
            found[LastingUse(holder=holder, used=used, arguments=_arguments(row[4:]))] = None
        if used.kind is ObjectKind.COLUMN and used.relation != holder.relation:
            found[LastingUse(holder=holder, used=used.relation)] = None
    others = read_undisturbed(session, compose(_OTHERS))
    return CatalogUses(
        uses=tuple(sorted(found, key=lambda each: (each.holder.sorting, each.used.sorting))),
        columns={
            (schema, relation): tuple((column, kind) for column, kind in columns or ())
            for schema, relation, columns in sorted(read_undisturbed(session, compose(_COLUMNS)))
        },
        functions=frozenset((schema, name) for kind, schema, name in others if kind == "function"),
        types=frozenset((schema, name) for kind, schema, name in others if kind == "type"),
    )


def _name(row: tuple[str, ...]) -> ObjectName:
    kind, schema, name, part = row
    return ObjectName(ObjectKind(kind), schema, name, part if kind != "function" else "")


def _arguments(row: tuple[str, ...]) -> tuple[str, ...] | None:
    kind, _, _, types = row
    return tuple(filter(None, types.split(", "))) if kind == "function" else None
