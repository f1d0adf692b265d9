"""What modules have built in a database, in the words that a database map uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.built_schema import (
    BuiltColumn,
    BuiltForeignKey,
    BuiltModule,
    BuiltSchema,
    BuiltTable,
    ModuleUse,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.module import Module
    from coordinator.postgres.session import Session

# Tables, partitioned and foreign ones. A partition is its parent's; its rows and columns are told there.
_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p', 'f') AND NOT c.relispartition AND n.nspname = ANY(%s)
ORDER BY n.nspname, c.relname, a.attnum
"""

_KEYS = """
SELECT n.nspname, c.relname, fn.nspname, f.relname,
  array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY AS used(number, place)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = used.number ORDER BY used.place),
  array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY AS used(number, place)
        JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = used.number ORDER BY used.place)
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class f ON f.oid = k.confrelid JOIN pg_namespace fn ON fn.oid = f.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0 AND NOT c.relispartition AND n.nspname = ANY(%s)
ORDER BY n.nspname, c.relname, k.conname
"""

_VIEWS = """
SELECT DISTINCT n.nspname, v.relname, tn.nspname, t.relname
FROM pg_depend d
JOIN pg_rewrite r ON r.oid = d.objid
JOIN pg_class v ON v.oid = r.ev_class JOIN pg_namespace n ON n.oid = v.relnamespace
JOIN pg_class t ON t.oid = d.refobjid JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND t.oid <> v.oid
  AND v.relkind IN ('v', 'm') AND n.nspname = ANY(%s) AND tn.nspname = ANY(%s) AND n.nspname <> tn.nspname
ORDER BY 1, 2, 3, 4
"""


def read_built_schema(
    session: Session, modules: Sequence[Module], *, uses: tuple[ModuleUse, ...] = ()
) -> BuiltSchema:
    """Tables, columns and keys of the modules' schemas; views of one module over another's relations as uses.

    Version tables are left out. `uses` are those that no catalog knows (function bodies, what revisions read);
    they are added as they are.
    """
    schemas = [schema for module in modules for schema in module.schemas]
    owners = {schema: module.name for module in modules for schema in module.schemas}
    version_tables = {module.qualified_version_table for module in modules}
    keys = _read_keys(session, schemas)
    columns: dict[tuple[str, str], list[BuiltColumn]] = {}
    for schema, table, column, type_name, nullable in session.rows(_COLUMNS, (schemas,)):
        found = columns.setdefault((schema, table), [])
        if column is not None:
            found.append(BuiltColumn(name=column, type=type_name, nullable=nullable))
    tables = [
        BuiltTable(
            schema=schema, name=name, columns=tuple(found), foreign_keys=tuple(keys.get((schema, name), ()))
        )
        for (schema, name), found in columns.items()
        if (schema, name) not in version_tables
    ]
    built = tuple(
        BuiltModule(
            name=module.name,
            schemas=module.schemas,
            tables=tuple(each for each in tables if each.schema in module.schemas),
        )
        for module in modules
    )
    return BuiltSchema(modules=built, uses=(*_read_views(session, schemas, owners), *uses))


def _read_keys(session: Session, schemas: list[str]) -> dict[tuple[str, str], list[BuiltForeignKey]]:
    keys: dict[tuple[str, str], list[BuiltForeignKey]] = {}
    for schema, table, other, target, columns, target_columns in session.rows(_KEYS, (schemas,)):
        keys.setdefault((schema, table), []).append(
            BuiltForeignKey(
                columns=tuple(columns), schema=other, table=target, target_columns=tuple(target_columns)
            )
        )
    return keys


def _read_views(session: Session, schemas: list[str], owners: Mapping[str, str]) -> list[ModuleUse]:
    return [
        ModuleUse(
            consumer=owners[schema],
            provider=owners[other],
            consumer_table=view,
            provider_table=table,
            why=f"view {schema}.{view} reads {other}.{table}",
        )
        for schema, view, other, table in session.rows(_VIEWS, (schemas, schemas))
        if owners[schema] != owners[other]
    ]
