"""Which rights each group of commands needs, from the modules and what of them is there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.rights import Need, Right, RightKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.known_module import KnownModule
    from coordinator.model.module import Module
    from coordinator.model.rights import Existing

LEDGER = "migrate"
_KEPT, _KEPT_NUMBERS = "kept", "kept_number_seq"
_COPY = "kept_"  # tables of kept data, each with the number of its row in migrate.kept


def schemas_of(modules: Sequence[Module], absent: Sequence[KnownModule] = ()) -> tuple[str, ...]:
    """Every schema that a command looks at: the modules', those of the version tables, and the ledger's."""
    every: tuple[Module | KnownModule, ...] = (*modules, *absent)
    own = (schema for module in every for schema in module.schemas)
    tables = (module.qualified_version_table[0] for module in modules)
    return tuple(dict.fromkeys((*own, *tables, LEDGER)))


def wanted_rights(
    modules: Sequence[Module], existing: Existing, role: str, *, absent: Sequence[KnownModule] = ()
) -> Mapping[Need, tuple[Right, ...]]:
    """What `role` must be allowed to do for each group of commands; rights that imply each other are not merged.

    `absent` are modules that the ledger knows and the checkout does not have: a rehearsal copies their definitions.
    """
    return {
        Need.READ: tuple(dict.fromkeys(_to_read(modules, existing, role))),
        Need.REHEARSE: tuple(dict.fromkeys(_to_rehearse((*modules, *absent), existing, role))),
        Need.APPLY: tuple(dict.fromkeys(_to_apply(modules, existing, role))),
        Need.NOTE: tuple(dict.fromkeys(_to_write_ledger(existing, role))),
    }


def _to_read(modules: Sequence[Module], existing: Existing, role: str) -> Iterator[Right]:
    for module in modules:
        schema, table = module.qualified_version_table
        if existing.has_table(schema, table):
            why = f"to read the heads of module '{module.name}'"
            yield _schema(schema, "USAGE", role, why)
            yield _table(schema, table, "SELECT", role, why)
    if LEDGER in existing.schemas:
        yield _schema(LEDGER, "USAGE", role, "to read the ledger")
        for each in existing.tables_in(LEDGER):
            yield _table(LEDGER, each.name, "SELECT", role, "to read the ledger")


def _to_rehearse(modules: Sequence[Module | KnownModule], existing: Existing, role: str) -> Iterator[Right]:
    for module in modules:
        why = f"pg_dump locks the tables of module '{module.name}' to read their definitions"
        for schema in module.schemas:
            if schema in existing.schemas:
                yield _schema(schema, "USAGE", role, why)
            for each in existing.tables_in(schema):
                yield _table(schema, each.name, "SELECT", role, why)


def _to_write_ledger(existing: Existing, role: str) -> Iterator[Right]:
    """Nothing where there is none: then nothing is in it to accept or to release."""
    if LEDGER in existing.schemas:
        yield _schema(LEDGER, "USAGE", role, "to write the ledger")
    for each in existing.tables_in(LEDGER):
        for privilege in ("SELECT", "INSERT", "UPDATE", "DELETE"):
            yield _table(LEDGER, each.name, privilege, role, "to write the ledger")


def _to_apply(modules: Sequence[Module], existing: Existing, role: str) -> Iterator[Right]:
    if LEDGER not in existing.schemas:
        yield _database(existing, role, "to make the ledger")
    else:
        yield from _to_write_ledger(existing, role)
        yield _schema(LEDGER, "CREATE", role, "to keep the data that steps destroy")
        if existing.has_table(LEDGER, _KEPT):
            why = "to number what is kept"
            yield Right(
                kind=RightKind.SEQUENCE, name=(LEDGER, _KEPT_NUMBERS), privilege="USAGE", holder=role, why=why
            )
        copies = (each for each in existing.tables_in(LEDGER) if each.name.startswith(_COPY))
        for owner in dict.fromkeys(each.owner for each in copies):
            if owner != role:
                why = "only their owner may drop copies of kept data"
                yield Right(kind=RightKind.ROLE, name=(owner,), holder=role, why=why)
    for module in modules:
        yield from _to_apply_module(module, existing, role)


def _to_apply_module(module: Module, existing: Existing, role: str) -> Iterator[Right]:
    actor = role
    if module.owner is not None and module.owner != role:
        why = f"steps of module '{module.name}' run as its owner"
        yield Right(kind=RightKind.ROLE, name=(module.owner,), holder=role, why=why)
        actor = module.owner
    for schema in module.schemas:
        if schema not in existing.schemas:
            yield _database(existing, role, f"to make the schema of module '{module.name}'")
            continue
        for privilege in ("USAGE", "CREATE"):
            yield _schema(schema, privilege, actor, f"to change module '{module.name}'")
        for owner in dict.fromkeys(each.owner for each in existing.tables_in(schema)):
            if owner != actor:
                why = f"only their owner may alter the tables of module '{module.name}'"
                if owner in existing.superusers:
                    why += ", and that is a superuser: let another role own them"
                yield Right(kind=RightKind.ROLE, name=(owner,), holder=actor, why=why)
    schema, table = module.qualified_version_table
    why = f"to write the heads of module '{module.name}'"
    if existing.has_table(schema, table):
        yield _schema(schema, "USAGE", role, why)
        for privilege in ("SELECT", "INSERT", "DELETE"):
            yield _table(schema, table, privilege, role, why)
    elif schema in existing.schemas:
        yield _schema(schema, "CREATE", role, f"to make the version table of module '{module.name}'")


def _database(existing: Existing, role: str, why: str) -> Right:
    return Right(kind=RightKind.DATABASE, name=(existing.database,), privilege="CREATE", holder=role, why=why)


def _schema(schema: str, privilege: str, role: str, why: str) -> Right:
    return Right(kind=RightKind.SCHEMA, name=(schema,), privilege=privilege, holder=role, why=why)


def _table(schema: str, table: str, privilege: str, role: str, why: str) -> Right:
    return Right(kind=RightKind.TABLE, name=(schema, table), privilege=privilege, holder=role, why=why)
