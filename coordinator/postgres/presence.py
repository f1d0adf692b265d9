"""Which of some named objects are there, and which indexes were left invalid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.postgres.session import Session

# Where to look: `n` is the schema, `c` the relation that a part belongs to.
_IN_SCHEMA = "SELECT 1 FROM {catalog} JOIN pg_namespace n ON n.oid = {namespace} WHERE n.nspname = %(schema)s AND {condition}"
_IN_RELATION = (
    "SELECT 1 FROM {catalog} JOIN pg_class c ON c.oid = {relation} JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = %(schema)s AND c.relname = %(name)s AND {condition}"
)
_RELATION = _IN_SCHEMA.format(
    catalog="pg_class c", namespace="c.relnamespace", condition="c.relname = %(name)s"
)
_QUERIES = {
    ObjectKind.RELATION: _RELATION,
    ObjectKind.SEQUENCE: _RELATION,
    ObjectKind.TYPE: _IN_SCHEMA.format(
        catalog="pg_type t", namespace="t.typnamespace", condition="t.typname = %(name)s"
    ),
    ObjectKind.FUNCTION: _IN_SCHEMA.format(
        catalog="pg_proc p", namespace="p.pronamespace", condition="p.proname = %(name)s"
    ),
    ObjectKind.LABEL: _IN_SCHEMA.format(
        catalog="pg_enum e JOIN pg_type t ON t.oid = e.enumtypid",
        namespace="t.typnamespace",
        condition="t.typname = %(name)s AND e.enumlabel = %(part)s",
    ),
    ObjectKind.INDEX: _IN_RELATION.format(
        catalog="pg_index i",
        relation="i.indexrelid",
        condition="(c.relkind = 'I' OR (i.indisvalid AND i.indisready))",
    ),
    ObjectKind.COLUMN: _IN_RELATION.format(
        catalog="pg_attribute a",
        relation="a.attrelid",
        condition="a.attname = %(part)s AND NOT a.attisdropped",
    ),
    ObjectKind.CONSTRAINT: _IN_RELATION.format(
        catalog="pg_constraint k", relation="k.conrelid", condition="k.conname = %(part)s"
    ),
    ObjectKind.TRIGGER: _IN_RELATION.format(
        catalog="pg_trigger g", relation="g.tgrelid", condition="g.tgname = %(part)s"
    ),
}
# Kinds whose presence can be asked.
KNOWN_KINDS = frozenset(_QUERIES)


def present(session: Session, objects: Iterable[ObjectName]) -> tuple[ObjectName, ...]:
    """Those that are there; kinds that cannot be asked are left out.

    Of an index only a valid one counts, but any of a partitioned table: it is valid once all partitions have theirs.
    """
    return tuple(
        each
        for each in objects
        if each.kind in KNOWN_KINDS
        and session.value(_QUERIES[each.kind], {"schema": each.schema, "name": each.name, "part": each.part})
    )


def is_there(session: Session, name: ObjectName) -> bool:
    """Whether an object of a known kind is there, an index also when it is invalid."""
    if name.kind is ObjectKind.INDEX:
        return bool(session.value(_RELATION, {"schema": name.schema, "name": name.name}))
    return bool(present(session, (name,)))


def has_function(session: Session, name: ObjectName, arguments: tuple[str, ...]) -> bool:
    """Whether there is a function or procedure that takes arguments of exactly these types, as the session names them."""
    return bool(
        session.value(
            "SELECT EXISTS (SELECT 1 FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace"
            " WHERE n.nspname = %s AND p.proname = %s AND p.pronargs = cardinality(%s::text[])"
            " AND p.proargtypes::text = array_to_string(ARRAY(SELECT to_regtype(u.type)::oid"
            " FROM unnest(%s::text[]) WITH ORDINALITY u (type, number) ORDER BY u.number), ' '))",
            (name.schema, name.name, list(arguments), list(arguments)),
        )
    )


def unfinished_index(session: Session, index: ObjectName, *, table: ObjectName | None) -> bool | None:
    """None when there is no invalid index of that name (`table`: on that table); else whether somebody builds it now.

    A partitioned table's index counts as valid: it is built from the indexes of the partitions, one after the other.
    """
    where: dict[str, object] = {
        "schema": index.schema,
        "name": index.name,
        "table": table.name if table is not None else None,
    }
    rows = session.rows(
        "SELECT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)"
        " FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'"
        " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_class t ON t.oid = i.indrelid"
        " WHERE NOT i.indisvalid AND n.nspname = %(schema)s AND c.relname = %(name)s"
        " AND (%(table)s::text IS NULL OR t.relname = %(table)s)",
        where,
    )
    return bool(rows[0][0]) if rows else None


def invalid_indexes(session: Session, indexes: Iterable[ObjectName]) -> tuple[ObjectName, ...]:
    """Those of the named indexes that a cut off build left invalid; one that is being built now is not among them."""
    rows = session.rows(
        "SELECT n.nspname, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid AND c.relkind = 'i'"
        " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE NOT i.indisvalid"
        " AND NOT EXISTS (SELECT 1 FROM pg_stat_progress_create_index p WHERE p.index_relid = i.indexrelid)"
    )
    broken = {(schema, name) for schema, name in rows}
    return tuple(
        each for each in indexes if each.kind is ObjectKind.INDEX and (each.schema, each.name) in broken
    )
