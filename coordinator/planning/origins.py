"""From which other tables a function takes what it writes into a table, and what it writes there. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from coordinator.model.effect import Effect, RevisionEffects

    Table = tuple[str, str]  # schema and name


def origins_of(effects: RevisionEffects, tables: Collection[Table]) -> frozenset[Table]:
    """The other relations that are read while one of these is written, also by way of a third one.

    `tables` are the names of one table. Statements of one line count as one.
    """
    found: set[Table] = set()
    waiting = list(tables)
    reads = _reads(effects)
    while waiting:
        new = reads.get(waiting.pop(), set()) - found - set(tables)
        found |= new
        waiting.extend(new)
    return frozenset(found)


def written_columns(effects: RevisionEffects, tables: Collection[Table]) -> frozenset[str] | None:
    """The columns of that table which the function gives values to; None: all that it has."""
    if _is_moved(effects, tables):
        return None
    found: set[str] = set()
    for each in effects.of(Verb.WRITE):
        if _table(each) in tables:
            if each.columns is None:
                return None
            found.update(each.columns)
    renamed = any(
        each.object.kind is ObjectKind.COLUMN and _table(each) in tables for each in effects.of(Verb.RENAME)
    )
    return None if found and renamed else frozenset(found)


def brings_rows(effects: RevisionEffects, tables: Collection[Table]) -> bool:
    """Whether the function puts whole rows into that table."""
    inserts = any(_table(each) in tables and not each.overwrites for each in effects.of(Verb.WRITE))
    return inserts or _is_moved(effects, tables)


def _is_moved(effects: RevisionEffects, tables: Collection[Table]) -> bool:
    """Whether the table is another one under its name, or made with the rows that it has."""
    renamed = any(
        each.to is not None and (each.to.schema, each.to.name) in tables and _table(each) not in tables
        for each in effects.of(Verb.RENAME)
        if each.object.kind is ObjectKind.RELATION
    )
    return renamed or any(
        _table(each) in tables
        for line in _lines(effects)
        if any(_is_read(each) for each in line)
        for each in line
        if each.verb is Verb.CREATE and each.object.kind is ObjectKind.RELATION
    )


def _reads(effects: RevisionEffects) -> dict[Table, set[Table]]:
    """Of each relation that is written, made or renamed, what is read in the same lines."""
    found: dict[Table, set[Table]] = {}
    for line in _lines(effects):
        read = {_table(each) for each in line if _is_read(each)}
        for each in line:
            if each.object.kind is not ObjectKind.RELATION:
                continue
            if each.verb in {Verb.WRITE, Verb.CREATE}:
                found.setdefault(_table(each), set()).update(read)
            elif each.verb is Verb.RENAME and each.to is not None:
                found.setdefault((each.to.schema, each.to.name), set()).add(_table(each))
    return found


def _is_read(effect: Effect) -> bool:
    if effect.object.kind is not ObjectKind.RELATION:
        return False
    of_view = effect.holder is not None and effect.holder.kind is ObjectKind.RELATION
    return effect.verb is Verb.USE or (effect.verb is Verb.HOLD and of_view)


def _lines(effects: RevisionEffects) -> Iterable[list[Effect]]:
    lines: dict[int, list[Effect]] = {}
    for each in effects.effects:
        lines.setdefault(each.line, []).append(each)
    return lines.values()


def _table(effect: Effect) -> Table:
    return effect.object.schema, effect.object.name
