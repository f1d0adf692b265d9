"""What lasts in a database and reaches across schemas: views and foreign keys, read from the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import LastingUse, ObjectKind, ObjectName

if TYPE_CHECKING:
    from coordinator.postgres.session import Session

_VIEWS = """
SELECT DISTINCT vn.nspname, v.relname, tn.nspname, t.relname, coalesce(a.attname, '')
FROM pg_depend d
JOIN pg_rewrite r ON r.oid = d.objid
JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace vn ON vn.oid = v.relnamespace
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid AND d.refobjsubid > 0
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
  AND t.oid <> v.oid AND tn.nspname <> vn.nspname AND tn.nspname NOT IN ('pg_catalog', 'information_schema')
ORDER BY 1, 2, 3, 4, 5
"""

_KEYS = """
SELECT n.nspname, c.relname, k.conname, fn.nspname, f.relname, a.attname
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
CROSS JOIN LATERAL unnest(k.confkey) AS used(number)
JOIN pg_attribute a ON a.attrelid = f.oid AND a.attnum = used.number
WHERE k.contype = 'f' AND n.nspname <> fn.nspname AND k.conparentid = 0
ORDER BY 1, 2, 3, 4, 5, 6
"""


def read_lasting(session: Session) -> tuple[LastingUse, ...]:
    """Every view and foreign key of one schema that stands on a table or column of another."""
    found: dict[LastingUse, None] = {}
    for schema, view, other, table, column in session.rows(_VIEWS):
        holder = ObjectName(ObjectKind.RELATION, schema, view)
        found[LastingUse(holder=holder, used=_used(other, table, column))] = None
    for schema, table, name, other, referenced, column in session.rows(_KEYS):
        holder = ObjectName(ObjectKind.CONSTRAINT, schema, table, name)
        found[LastingUse(holder=holder, used=_used(other, referenced, ""))] = None
        found[LastingUse(holder=holder, used=_used(other, referenced, column))] = None
    return tuple(found)


def _used(schema: str, table: str, column: str) -> ObjectName:
    kind = ObjectKind.COLUMN if column else ObjectKind.RELATION
    return ObjectName(kind, schema, table, column)
