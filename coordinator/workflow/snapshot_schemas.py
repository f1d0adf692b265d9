"""Which schemas a snapshot holds: the modules', and all that hangs together with them, as far as the role may read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.errors import UnreachableError
from coordinator.model.rights import Right, RightKind
from coordinator.model.snapshot import LeftOutSchema
from coordinator.postgres.rights import grants

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from coordinator.model.effect import LastingUse
    from coordinator.model.found import Found
    from coordinator.model.module import Module
    from coordinator.postgres.session import Session

_SCHEMAS = (
    "SELECT nspname FROM pg_catalog.pg_namespace"
    " WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'migrate')"
)
# What pg_dump locks to read it, and this role may not lock.
_UNREADABLE = """
SELECT n.nspname, c.relname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND n.nspname = ANY (%s)
   AND NOT (pg_catalog.has_schema_privilege(n.oid, 'USAGE') AND pg_catalog.has_table_privilege(c.oid, 'SELECT'))
 ORDER BY 1, 2
"""
_NO_USAGE = """
SELECT nspname FROM pg_catalog.pg_namespace
 WHERE nspname = ANY (%s) AND NOT pg_catalog.has_schema_privilege(oid, 'USAGE')
"""
_WHY = "pg_dump locks each table to read its definition"


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The schemas of a snapshot, sorted, and those that belong to it and are not in it."""

    schemas: tuple[str, ...]
    left_out: tuple[LeftOutSchema, ...] = ()


def choose_schemas(
    session: Session, modules: Sequence[Module], found: Found, uses: Iterable[LastingUse]
) -> Chosen:
    """The modules' schemas, what they stand on, and what stands on them, through any number of schemas.

    Raises UnreachableError, with the statements that would help, when the role may not read what must be in it.
    """
    there = frozenset(row[0] for row in session.rows(_SCHEMAS))
    wanted = there & _own_schemas(modules, found)
    pairs = {(each.holder.schema, each.used.schema) for each in uses}
    pairs = {(holder, used) for holder, used in pairs if holder != used and {holder, used} <= there}
    needed = _reached(wanted, pairs)
    _refuse_unreadable(session, needed)
    whole = _reached(needed, pairs | {(used, holder) for holder, used in pairs})
    locked = _unreadable(session, whole - needed)
    # What stands on a schema that is left out cannot be built either.
    gone = _reached(frozenset(locked), {(used, holder) for holder, used in pairs}) - needed
    return Chosen(
        schemas=tuple(sorted(whole - gone)),
        left_out=tuple(
            LeftOutSchema(schema=name, why=_why_left_out(name, locked, needed, pairs))
            for name in sorted(gone & whole)
        ),
    )


def _own_schemas(modules: Iterable[Module], found: Found) -> frozenset[str]:
    """Those that a module owns, here or by what the ledger knows; of `public` only its owner needs more than a table."""
    here = {schema for module in modules for schema in module.schemas}
    known = {schema for module in found.modules for schema in module.schemas}
    unnamed = {each.key.module for each in found.recorded} - {each.name for each in found.modules}
    tables = {schema for schema, _ in found.rows if schema != "public"}
    return frozenset(here | known | unnamed | tables)


def _reached(start: Collection[str], pairs: Iterable[tuple[str, str]]) -> frozenset[str]:
    """The start, and what can be reached from it by going from the first of a pair to the second."""
    after: dict[str, set[str]] = {}
    for one, other in pairs:
        after.setdefault(one, set()).add(other)
    reached: set[str] = set()
    waiting = list(start)
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting.extend(after.get(current, ()))
    return frozenset(reached)


def _unreadable(session: Session, schemas: Collection[str]) -> Mapping[str, tuple[str, ...]]:
    """By schema, the tables of it that the role may not lock; the schema alone when it may not even enter it."""
    found: dict[str, tuple[str, ...]] = {row[0]: () for row in session.rows(_NO_USAGE, (sorted(schemas),))}
    for schema, table in session.rows(_UNREADABLE, (sorted(schemas),)):
        found[schema] = (*found.get(schema, ()), table)
    return found


def _refuse_unreadable(session: Session, schemas: Collection[str]) -> None:
    locked = _unreadable(session, schemas)
    if not locked:
        return
    role = str(session.value("SELECT current_user"))
    rights = [
        right
        for schema, tables in sorted(locked.items())
        for right in (
            Right(kind=RightKind.SCHEMA, name=(schema,), privilege="USAGE", holder=role, why=_WHY),
            *(
                Right(kind=RightKind.TABLE, name=(schema, table), privilege="SELECT", holder=role, why=_WHY)
                for table in tables
            ),
        )
    ]
    raise UnreachableError(
        f"The role {role!r} may not read {', '.join(sorted(locked))}, and {_WHY}.",
        help="Give it these rights; SELECT is enough, and no row is read.",
        details=grants(rights),
    )


def _why_left_out(
    name: str,
    locked: Mapping[str, tuple[str, ...]],
    needed: frozenset[str],
    pairs: Collection[tuple[str, str]],
) -> str:
    used = ", ".join(sorted(other for holder, other in pairs if holder == name and other in needed))
    uses = f"; it uses {used}, and what a change there does to it is not rehearsed" if used else ""
    if name not in locked:
        return f"it stands on a schema that is left out{uses}"
    what = f"table {name}.{locked[name][0]}" if locked[name] else "it"
    more = f" and {len(locked[name]) - 1} more" if len(locked[name]) > 1 else ""
    return f"the role that made the snapshot may not read {what}{more}{uses}"
