"""How the tables of the world change by effects that demand nothing: made, dropped, renamed, written."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.planning.preconditions.world import ColumnState, TableState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.model.effect import Effect
    from coordinator.planning.preconditions.world import World

_CHANGES = frozenset({"c", "n", "d"})  # CASCADE, SET NULL, SET DEFAULT
_REMOVES = "c"
_MAKES = frozenset({Verb.CREATE, Verb.RENAME, Verb.DROP})


def move(world: World, effect: Effect, by: str, *, filled: bool = False, command: str = "") -> None:
    """Let one effect happen. `filled`: a table that it makes or writes gets rows that depend on rows of today.

    `command` is the kind of the statement's tree: an effect does not tell UPDATE, MERGE and an upsert apart.
    """
    kind = effect.object.kind
    if kind is ObjectKind.RELATION:
        _move_table(world, effect, by, filled=filled, command=command)
    elif kind is ObjectKind.COLUMN:
        _move_column(world, effect)
    elif kind in {ObjectKind.TYPE, ObjectKind.LABEL}:
        _move_type(world, effect, by)
    elif kind is ObjectKind.CONSTRAINT and effect.verb is Verb.DROP:
        table = world.table(effect.object.relation)
        if table is not None:
            table.gone_constraints.add(effect.object.part)
    elif kind is ObjectKind.TRIGGER and effect.verb is Verb.CREATE:
        table = world.table(effect.object.relation)
        if table is not None:
            table.triggers = True
    elif kind is ObjectKind.INDEX and effect.verb in {Verb.DROP, Verb.RENAME}:
        world.gone_indexes.add((effect.object.schema, effect.object.name))
    elif kind is ObjectKind.FUNCTION and effect.verb in {Verb.CREATE, Verb.REPLACE, Verb.RENAME}:
        new = effect.to or effect.object
        world.functions |= {(each.schema, each.name) for each in (effect.object, new)}
    elif kind is ObjectKind.SCHEMA and effect.verb in {Verb.RENAME, Verb.DROP}:
        names = {effect.object.schema, *((effect.to.schema,) if effect.to is not None else ())}
        world.doubt_everything(names, f"the schema is renamed or dropped first by {by}")


def _move_table(world: World, effect: Effect, by: str, *, filled: bool, command: str) -> None:
    name = effect.object
    key = (name.schema, name.name)
    match effect.verb:
        case Verb.CREATE if not (effect.conditional and world.table(name) is not None):
            made = by if filled else ""
            world.tables[key] = TableState(
                schema=name.schema, name=name.name, today=None, made=made, empty=not filled
            )
        case Verb.DROP:
            table = world.table(name)
            if table is not None and not table.empty:
                leaves(world, table, by)
            world.tables[key] = None
            world.dropped.add(key)
        case Verb.RENAME if effect.to is not None:
            table = world.table(name)
            world.tables[key] = None
            world.tables[effect.to.schema, effect.to.name] = table
            if table is not None:
                table.schema, table.name = effect.to.schema, effect.to.name
        case Verb.WRITE:
            table = world.table(name)
            if table is not None:
                _write(world, table, effect, by, filled=filled, updates=command == "update_stmt")
                if command == "merge_stmt" and not table.empty:
                    table.lessened = by
        case _:
            pass


def _move_column(world: World, effect: Effect) -> None:
    table = world.table(effect.object.relation)
    if table is None:
        return
    name = effect.object.part
    match effect.verb:
        case Verb.CREATE if table.today is None:
            table.columns.setdefault(name, ColumnState(today=None, type=effect.type or ""))
        case Verb.RENAME if effect.to is not None and name in table.columns:
            new = effect.to.part
            table.columns = {new if each == name else each: state for each, state in table.columns.items()}
        case _:
            pass


def _move_type(world: World, effect: Effect, by: str) -> None:
    key = (effect.object.schema, effect.object.name)
    if effect.verb in _MAKES:
        world.types |= {(each.schema, each.name) for each in (effect.object, effect.to or effect.object)}
        if effect.object.kind is ObjectKind.LABEL:
            world.labelled[key] = by
    known = world.labels_of(key, key[0])
    match effect.verb:
        case Verb.CREATE if effect.object.kind is ObjectKind.LABEL:
            world.labels[key] = (*(known or ()), effect.object.part)
        case Verb.CREATE:
            world.labels[key] = None
        case Verb.RENAME if effect.object.kind is ObjectKind.LABEL and effect.to is not None:
            parts = (effect.to.part if each == effect.object.part else each for each in known or ())
            world.labels[key] = tuple(parts)
        case Verb.RENAME if effect.to is not None:
            world.labels[effect.to.schema, effect.to.name] = known
            world.labels[key] = None
        case Verb.DROP if effect.object.kind is ObjectKind.TYPE:
            world.labels[key] = None
        case _:
            pass


def _write(world: World, table: TableState, effect: Effect, by: str, *, filled: bool, updates: bool) -> None:
    if table.triggers:
        world.doubt_everything({table.schema}, f"a trigger of {table} may change rows when {by} writes")
    of_today = not table.empty
    for each in (table, *world.relatives(table)):
        if not each.empty:
            if of_today or effect.columns != ():
                # An UPDATE adds none to the table itself, but may move some from one partition to another.
                _change_rows(world, each, effect, by, adds=not updates or each is not table)
        elif filled:  # else the rehearsal has the same rows
            each.empty, each.made = False, by
        elif effect.columns != ():
            each.grown = by


def _change_rows(world: World, table: TableState, effect: Effect, by: str, *, adds: bool) -> None:
    if effect.columns == ():
        table.lessened = by
        _follow_delete(world, table, by)
        return
    if adds:
        table.grown = by
    if effect.overwrites:
        names = table.columns if effect.columns is None else effect.columns
        _mark(table, names, by)
        _follow_update(world, table, names, by)


def emptied(world: World, table: TableState, by: str, *, cascade: bool) -> None:
    """TRUNCATE: from here on it has only what the plan puts in; `cascade`: so have all that point at it."""
    table.empty, table.made, table.lessened, table.grown = True, "", "", ""
    for column in table.columns.values():
        column.written = column.retyped = ""
    for key in world.known.keys_to(table.today) if cascade and table.today else ():
        child = world.of_today(key.child)
        if child is not None and not child.empty and key.name not in child.gone_constraints:
            leaves(world, child, by)
            emptied(world, child, by, cascade=True)


def joins(world: World, parent: TableState, child: TableState, by: str) -> None:
    """A table becomes a partition or a child of another: its rows are among that one's from here on."""
    above = (parent, *world.relatives(parent))
    parent.kin.append(child)
    child.kin.append(parent)
    if child.empty and not child.grown:
        return
    for each in above:
        if each.empty and not child.empty:
            each.empty, each.made = False, by
        elif each is not child:
            each.grown = by


def leaves(world: World, table: TableState, by: str) -> None:
    """The rows that a table shares with its parents are theirs no longer."""
    for relative in world.relatives(table):
        if not relative.empty:
            relative.lessened = by


def _mark(table: TableState, names: Iterable[str], by: str) -> None:
    written = set(names)
    for name, column in table.columns.items():
        if name in written or column.generated:
            column.written = by


def _follow_delete(world: World, table: TableState, by: str) -> None:
    for key in world.known.keys_to(table.today) if table.today else ():
        child = world.of_today(key.child)
        if child is None or key.on_delete not in _CHANGES or child.lessened or child.empty:
            continue
        if key.on_delete == _REMOVES:
            child.lessened = by
            _follow_delete(world, child, by)
        else:
            _mark(child, _now(child, key.columns), by)


def _follow_update(world: World, table: TableState, names: Iterable[str], by: str) -> None:
    today = {table.columns[name].today for name in names if name in table.columns}
    for key in world.known.keys_to(table.today) if table.today else ():
        child = world.of_today(key.child)
        if child is not None and key.on_update in _CHANGES and today & set(key.parent_columns):
            _mark(child, _now(child, key.columns), by)


def _now(table: TableState, today: tuple[str, ...]) -> tuple[str, ...]:
    named = {each.today: name for name, each in table.columns.items()}
    return tuple(named[each] for each in today if each in named)
