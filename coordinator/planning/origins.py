"""From which other tables a function takes what it writes into a table, and what it writes there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.planning.kin import joined, views_made

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import Effect, RevisionEffects
    from coordinator.planning.kin import Kin

    Table = tuple[str, str]  # schema and name


def origins_of(effects: RevisionEffects, tables: Collection[Table], kin: Kin) -> frozenset[Table]:
    """The other relations that are read while one of these or of their kin is written, also by way of a third one.

    `tables` are the names of one table. Statements of one line count as one.
    """
    found: set[Table] = set()
    waiting = set(kin.of(tables))
    sources = _sources(effects)
    while waiting:
        new = sources.get(waiting.pop(), set()) - found - set(tables)
        found |= new
        waiting |= kin.of(new)
    return frozenset(found)


def written_columns(effects: RevisionEffects, tables: Collection[Table], kin: Kin) -> frozenset[str] | None:
    """The columns of that table which the function gives values to; None: all that it has."""
    if _is_moved(effects, tables, kin):
        return None
    names = kin.of(tables)
    found: set[str] = set()
    for each in effects.of(Verb.WRITE):
        if _table(each) in names:
            if each.columns is None:
                return None
            found.update(each.columns)
    renamed = any(
        each.object.kind is ObjectKind.COLUMN and _table(each) in names for each in effects.of(Verb.RENAME)
    )
    return None if found and renamed else frozenset(found)


def brings_rows(effects: RevisionEffects, tables: Collection[Table], kin: Kin) -> bool:
    """Whether the function puts whole rows into that table."""
    names = kin.of(tables)
    inserts = any(
        _table(each) in names and (not each.overwrites or each.columns is None)
        for each in effects.of(Verb.WRITE)
    )
    return inserts or _is_moved(effects, tables, kin)


def names_say_all(effects: RevisionEffects, catalog: Catalog) -> bool:
    """Whether all that the function fills, and fills from, is what is called so.

    A name without a schema may mean a table elsewhere, what is written into a view goes into other tables, and what is
    in a temporary table came from some.
    """
    if effects.temporary:
        return False
    kinds = {address[1:3]: address.kind for address in catalog.definitions if address.is_relation}
    made = {_table(each) for each in effects.of(Verb.CREATE) if each.object.kind is ObjectKind.RELATION}
    made |= {table for table, _ in _renamed(effects)}
    views = views_made(effects) | {table for table, kind in kinds.items() if kind == "view"}
    written = {_table(each) for each in effects.of(Verb.WRITE)}
    read = {table for tables in _sources(effects).values() for table in tables}
    return written | read <= made | set(kinds) and not written & views


def _is_moved(effects: RevisionEffects, tables: Collection[Table], kin: Kin) -> bool:
    """Whether the table is another one under its name, is made with rows, or gets those of another one as a part."""
    names = kin.of(tables)
    return (
        any(to in tables and table not in tables for to, table in _renamed(effects))
        or any(parent in kin.below(tables) for parent, _ in _attached(effects))
        or any(_table(each) in names and _is_made_with_rows(each) for each in effects.effects)
    )


def _sources(effects: RevisionEffects) -> Mapping[Table, set[Table]]:
    """Of each relation that gets rows or values, where these may come from; a view reads where it is made."""
    found: dict[Table, set[Table]] = {}
    for line in _lines(effects):
        read = {
            _table(each) for each in line if each.verb is Verb.USE and each.object.kind is ObjectKind.RELATION
        }
        for each in line:
            if each.verb is Verb.WRITE or _is_made_with_rows(each):
                found.setdefault(_table(each), set()).update(read - {_table(each)})
    views = views_made(effects)
    for each in effects.of(Verb.HOLD):
        if each.holder is not None and each.object.kind is ObjectKind.RELATION:
            view = each.holder.schema, each.holder.name
            if each.holder.kind is ObjectKind.RELATION and view in views:
                found.setdefault(view, set()).add(_table(each))
    for to, table in (*_renamed(effects), *_attached(effects)):
        found.setdefault(to, set()).add(table)
    return found


def _is_made_with_rows(effect: Effect) -> bool:
    made = effect.verb is Verb.CREATE and effect.object.kind is ObjectKind.RELATION
    return made and effect.type == "query"


def _renamed(effects: RevisionEffects) -> Iterable[tuple[Table, Table]]:
    """The new and the old name of each relation that is renamed."""
    for each in effects.of(Verb.RENAME):
        if each.object.kind is ObjectKind.RELATION and each.to is not None:
            yield (each.to.schema, each.to.name), _table(each)


def _attached(effects: RevisionEffects) -> Iterable[tuple[Table, Table]]:
    """Each table that gets a part which was there before, and that part."""
    made = {_table(each) for each in effects.of(Verb.CREATE) if each.object.kind is ObjectKind.RELATION}
    return ((parent, child) for child, parent in joined(effects) if child not in made)


def _lines(effects: RevisionEffects) -> Iterable[list[Effect]]:
    lines: dict[int, list[Effect]] = {}
    for each in effects.effects:
        lines.setdefault(each.line, []).append(each)
    return lines.values()


def _table(effect: Effect) -> Table:
    return effect.object.schema, effect.object.name
