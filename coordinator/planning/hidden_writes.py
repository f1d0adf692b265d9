"""Whether rows may be written that a step's SQL does not name: by functions, triggers, rules, keys and views. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.planning.preconditions.known import parents_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import ObjectName, RevisionEffects

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


def called_functions(effects: RevisionEffects) -> frozenset[str]:
    """Names of the functions that run when a step does: those that it calls, and those that fill a column that it adds."""
    added = {each.object for each in effects.of(Verb.CREATE) if each.object.kind is ObjectKind.COLUMN}
    return frozenset(
        each.object.name
        for each in effects.of(Verb.USE, Verb.HOLD)
        if each.object.kind is ObjectKind.FUNCTION
        and (each.verb is Verb.USE or (each.holder is not None and _column_of(each.holder) in added))
    )


def _column_of(holder: ObjectName) -> ObjectName:
    return replace(holder, kind=ObjectKind.COLUMN)


def made_functions(effects: RevisionEffects) -> frozenset[str]:
    """Names of the functions that a step makes or replaces."""
    return frozenset(
        each.object.name for each in effects.of(Verb.CREATE) if each.object.kind is ObjectKind.FUNCTION
    )


def written_tables(effects: RevisionEffects) -> Mapping[Table, Collection[str]]:
    """The tables that a step's SQL writes, and how, in the words of triggers."""
    written: dict[Table, set[str]] = {}
    for effect in effects.of(Verb.WRITE):
        how = {"UPDATE", "DELETE"} if effect.overwrites else {"INSERT"}
        written.setdefault((effect.object.schema, effect.object.name), set()).update(how)
    return written


def calls_own_code(effects: RevisionEffects, catalogs: Iterable[Catalog]) -> bool:
    """Whether a step calls a function that is not PostgreSQL's own; by their names, whatever the schema."""
    called = called_functions(effects)
    if not called:
        return False
    return bool(called & made_functions(effects)) or any(
        address.kind in _CODE and address.name in called
        for catalog in catalogs
        for address in catalog.definitions
    )


def reaches_others(effects: RevisionEffects, catalogs: Iterable[Catalog]) -> bool:
    """Whether a step's SQL overwrites rows of tables that it does not name: by CASCADE, through a view, or in heirs.

    A name of which nobody can tell that it is a table's counts as a view's. Partitions are no heirs: what is said
    of the table that they belong to is said of them.
    """
    overwriting = tuple(each for each in effects.of(Verb.WRITE, Verb.RETYPE) if each.overwrites)
    if not overwriting:
        return False
    named = {(each.object.schema, each.object.name) for each in overwriting}
    made = tuple(each for each in effects.of(Verb.CREATE) if each.object.kind is ObjectKind.RELATION)
    tables = {(each.object.schema, each.object.name) for each in made if each.type != "view"}
    views = {(each.object.schema, each.object.name) for each in made if each.type == "view"}
    for catalog in catalogs:
        tables |= {each[1:3] for each in catalog.definitions if each.kind == "table"}
        views |= {each[1:3] for each in catalog.definitions if each.kind == "view"}
    return (
        any(each.cascade for each in overwriting)
        or not named <= tables - views
        or any(named & _with_heirs(catalog) for catalog in catalogs)
    )


def _with_heirs(catalog: Catalog) -> set[Table]:
    """The tables that others inherit from."""
    tables = {each[1:3]: text for each, text in catalog.definitions.items() if each.kind == "table"}
    parents = {parent for text in tables.values() for parent in parents_in(text)}
    return {each for each in parents & tables.keys() if "\npartition by " not in tables[each]}


def key_writes(catalog: Catalog, table: Table, *, updated: bool, deleted: bool) -> bool:
    """Whether a foreign key of a table may have written in it, when rows that it may refer to were changed."""
    actions = [f" ON UPDATE {each}" for each in ("CASCADE", "SET") if updated]
    actions += [" ON DELETE SET"] if deleted else []
    return bool(actions) and any(
        address.kind == "constraint" and address[1:3] == table and any(each in text for each in actions)
        for address, text in catalog.definitions.items()
    )
