"""What roles may do, as the server says, and the statements that would let them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.rights import Existing, ExistingTable, Right, RightKind
from coordinator.postgres.session import comma_separated, compose, identifier

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from coordinator.postgres.session import Session

_HOLDS = {
    RightKind.DATABASE: "SELECT has_database_privilege(%s, %s, %s)",
    RightKind.SCHEMA: "SELECT has_schema_privilege(%s, %s, %s)",
    RightKind.TABLE: "SELECT has_table_privilege(%s, c.oid, %s) FROM pg_class c JOIN pg_namespace n"
    " ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
    RightKind.SEQUENCE: "SELECT has_sequence_privilege(%s, c.oid, %s) FROM pg_class c JOIN pg_namespace n"
    " ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
    RightKind.ROLE: "SELECT pg_has_role(%s, %s, 'MEMBER')",
}


def read_existing(session: Session, schemas: Collection[str]) -> Existing:
    """The schemas and their tables that are there; any role may read this."""
    names = sorted(schemas)
    tables = session.rows(
        "SELECT n.nspname, c.relname, pg_get_userbyid(c.relowner) FROM pg_class c"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = ANY(%s) AND c.relkind IN ('r', 'p') ORDER BY 1, 2",
        (names,),
    )
    return Existing(
        database=str(session.value("SELECT current_database()")),
        schemas=frozenset(
            row[0]
            for row in session.rows("SELECT nspname FROM pg_namespace WHERE nspname = ANY(%s)", (names,))
        ),
        roles=frozenset(row[0] for row in session.rows("SELECT rolname FROM pg_roles")),
        superusers=frozenset(row[0] for row in session.rows("SELECT rolname FROM pg_roles WHERE rolsuper")),
        tables=tuple(ExistingTable(schema=row[0], name=row[1], owner=row[2]) for row in tables),
    )


def holds(session: Session, right: Right) -> bool:
    """Whether its holder has the right, directly or by membership."""
    if right.kind in (RightKind.TABLE, RightKind.SEQUENCE):
        parameters: Sequence[object] = (right.holder, right.privilege, *right.name)
    elif right.kind is RightKind.ROLE:
        parameters = (right.holder, right.name[0])
    else:
        parameters = (right.holder, right.name[0], right.privilege)
    return session.value(_HOLDS[right.kind], parameters) is True


def grants(rights: Iterable[Right]) -> tuple[str, ...]:
    """The statements that give all of the rights; tables of one schema are named in one statement."""
    privileges: dict[tuple[RightKind, str, tuple[str, ...]], dict[str, None]] = {}
    for right in rights:
        privileges.setdefault((right.kind, right.holder, right.name), {})[right.privilege] = None
    objects: dict[tuple[RightKind, str, str, str], list[tuple[str, ...]]] = {}
    for (kind, holder, name), wanted in privileges.items():
        schema = name[0] if kind is RightKind.TABLE else ""
        objects.setdefault((kind, holder, ", ".join(wanted), schema), []).append(name)
    return tuple(_grant(kind, holder, wanted, names) for (kind, holder, wanted, _), names in objects.items())


def _grant(kind: RightKind, holder: str, privileges: str, names: Sequence[tuple[str, ...]]) -> str:
    what = comma_separated(*(identifier(*name) for name in names))
    template = (
        "GRANT {what} TO {to};"
        if kind is RightKind.ROLE
        else f"GRANT {privileges} ON {kind.value.upper()} {{what}} TO {{to}};"
    )
    return compose(template, what=what, to=identifier(holder)).as_string(None)
