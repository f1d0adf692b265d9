"""Which object a name in a statement means, when unqualified names belong to one schema."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.sql.nodes import strings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.sql.tree import Node

TEMPORARY = "pg_temp"


class Namespace:
    """The default schema of one revision's statements, and the temporary tables that it has made so far."""

    def __init__(self, schema: str) -> None:
        self.schema = schema
        self._temporary: set[str] = set()

    def named(self, kind: ObjectKind, words: tuple[str, ...], part: str = "") -> ObjectName:
        """The object with this name in one to three words (a leading database name does not count)."""
        name = words[-1]
        schema = words[-2] if len(words) > 1 else self._home(name)
        return ObjectName(kind, schema, name, part)

    def listed(self, kind: ObjectKind, items: Iterable[Node], part: str = "") -> ObjectName:
        """The object that a list of name nodes means."""
        return self.named(kind, strings(items), part)

    def relation(self, node: Node) -> ObjectName:
        """The relation that a RangeVar means."""
        if node.relpersistence == "t":
            return ObjectName(ObjectKind.RELATION, TEMPORARY, node.relname)
        schema = node.schemaname or self._home(node.relname)
        return ObjectName(ObjectKind.RELATION, schema, node.relname)

    def make_temporary(self, relation: ObjectName) -> None:
        """From here on the relation's bare name means the temporary one."""
        self._temporary.add(relation.name)

    @property
    def has_temporary(self) -> bool:
        """Whether a temporary relation has been made."""
        return bool(self._temporary)

    def _home(self, name: str) -> str:
        if name in self._temporary:
            return TEMPORARY
        return "pg_catalog" if name.startswith("pg_") else self.schema


def column(relation: ObjectName, name: str) -> ObjectName:
    """A column of that relation."""
    return ObjectName(ObjectKind.COLUMN, relation.schema, relation.name, name)


def within(relation: ObjectName, kind: ObjectKind, name: str) -> ObjectName:
    """A constraint, trigger, policy, rule or default of that relation."""
    return ObjectName(kind, relation.schema, relation.name, name)


def type_words(node: Node) -> tuple[str, ...]:
    """A type's name; serial types are told as the integers that they are."""
    words = strings(node.names)
    return (*words[:-1], _SERIAL.get(words[-1], words[-1])) if words else ()


def is_built_in(words: tuple[str, ...]) -> bool:
    """Whether a type's name means one of PostgreSQL's own."""
    if len(words) > 1:
        return words[0] == "pg_catalog"
    return bool(words) and words[0] in _BUILT_IN


# Types that the grammar does not qualify by itself; others of PostgreSQL's are not common in migrations.
_BUILT_IN = frozenset(
    [
        *(
            "text",
            "uuid",
            "json",
            "jsonb",
            "bytea",
            "date",
            "money",
            "inet",
            "cidr",
            "macaddr",
            "xml",
            "name",
        ),
        *(
            "point",
            "box",
            "circle",
            "line",
            "lseg",
            "path",
            "polygon",
            "tsvector",
            "tsquery",
            "oid",
            "regclass",
        ),
        *(
            "int4range",
            "int8range",
            "numrange",
            "tsrange",
            "tstzrange",
            "daterange",
            "void",
            "trigger",
            "record",
        ),
        *(
            "anyelement",
            "anyarray",
            "citext",
            "hstore",
            "ltree",
            "geometry",
            "geography",
            "vector",
            "refcursor",
        ),
        *("int2", "int4", "int8", "float4", "float8", "bool", "timestamptz", "timetz", "bpchar", "regproc"),
    ]
)
_SERIAL = {
    "serial": "int4",
    "serial4": "int4",
    "bigserial": "int8",
    "serial8": "int8",
    "smallserial": "int2",
    "serial2": "int2",
}
