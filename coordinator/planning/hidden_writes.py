"""Whether rows may be written by more than what a step's SQL says: by functions, triggers, rules and keys. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import RevisionEffects

Table = tuple[str, str]  # schema and name

_CODE = frozenset({"function", "procedure", "aggregate"})


def writes_besides(catalog: Catalog, written: Mapping[Table, Collection[str]]) -> bool:
    """Whether something runs when these tables are written: a trigger, a rule, or a function for a column's default.

    `written` says how, in the words of triggers: INSERT, UPDATE, DELETE, TRUNCATE. One that is disabled counts
    as well: the step may enable it.
    """
    fires = any(
        address.kind in {"trigger", "rule"}
        and any(f" {event} " in text for event in written.get(address[1:3], ()))
        for address, text in catalog.definitions.items()
    )
    return fires or _default_calls(catalog, {each for each, how in written.items() if "INSERT" in how})


def _default_calls(catalog: Catalog, tables: Collection[Table]) -> bool:
    """Whether a default of one of these tables calls a function that is not PostgreSQL's own."""
    if not tables:
        return False
    # Definitions are read with a search path that makes the server name the schema of all but its own.
    calls = tuple(f"{each.schema}.{each.name}(" for each in catalog.definitions if each.kind in _CODE)
    return any(
        address.kind == "column"
        and address[1:3] in tables
        and "\ndefault " in text
        and any(call in text.replace('"', "") for call in calls)
        for address, text in catalog.definitions.items()
    )


def calls_own_code(effects: RevisionEffects, catalogs: Iterable[Catalog]) -> bool:
    """Whether a step calls a function that is not PostgreSQL's own; by their names, whatever the schema."""
    called = {each.object.name for each in effects.of(Verb.USE) if each.object.kind is ObjectKind.FUNCTION}
    if not called:
        return False
    made = {each.object.name for each in effects.of(Verb.CREATE) if each.object.kind is ObjectKind.FUNCTION}
    return bool(called & made) or any(
        address.kind in _CODE and address.name in called
        for catalog in catalogs
        for address in catalog.definitions
    )


def key_writes(catalog: Catalog, table: Table, *, updated: bool, deleted: bool) -> bool:
    """Whether a foreign key of a table may have written in it, when rows that it may refer to were changed."""
    actions = [f" ON UPDATE {each}" for each in ("CASCADE", "SET") if updated]
    actions += [" ON DELETE SET"] if deleted else []
    return bool(actions) and any(
        address.kind == "constraint" and address[1:3] == table and any(each in text for each in actions)
        for address, text in catalog.definitions.items()
    )
