"""From effects on objects to the changes that people read about."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.change import ChangeType, DatabaseChange
from coordinator.model.effect import Effect, ObjectKind, Verb

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_TYPES = {
    (Verb.CREATE, ObjectKind.RELATION): ChangeType.ADD_TABLE,
    (Verb.DROP, ObjectKind.RELATION): ChangeType.REMOVE_TABLE,
    (Verb.RENAME, ObjectKind.RELATION): ChangeType.RENAME_TABLE,
    (Verb.CREATE, ObjectKind.COLUMN): ChangeType.ADD_COLUMN,
    (Verb.DROP, ObjectKind.COLUMN): ChangeType.REMOVE_COLUMN,
    (Verb.RENAME, ObjectKind.COLUMN): ChangeType.RENAME_COLUMN,
    (Verb.RETYPE, ObjectKind.COLUMN): ChangeType.ALTER_COLUMN,
    (Verb.CREATE, ObjectKind.CONSTRAINT): ChangeType.ADD_CONSTRAINT,
    (Verb.DROP, ObjectKind.CONSTRAINT): ChangeType.REMOVE_CONSTRAINT,
    (Verb.CREATE, ObjectKind.INDEX): ChangeType.ADD_INDEX,
    (Verb.DROP, ObjectKind.INDEX): ChangeType.REMOVE_INDEX,
    (Verb.CREATE, ObjectKind.TYPE): ChangeType.ADD_TYPE,
    (Verb.DROP, ObjectKind.TYPE): ChangeType.REMOVE_TYPE,
    (Verb.RENAME, ObjectKind.TYPE): ChangeType.ALTER_TYPE,
    (Verb.CREATE, ObjectKind.LABEL): ChangeType.ALTER_TYPE,
    (Verb.RENAME, ObjectKind.LABEL): ChangeType.ALTER_TYPE,
    (Verb.CREATE, ObjectKind.FUNCTION): ChangeType.ADD_FUNCTION,
    (Verb.DROP, ObjectKind.FUNCTION): ChangeType.REMOVE_FUNCTION,
    (Verb.CREATE, ObjectKind.TRIGGER): ChangeType.ADD_TRIGGER,
    (Verb.DROP, ObjectKind.TRIGGER): ChangeType.REMOVE_TRIGGER,
    (Verb.CREATE, ObjectKind.POLICY): ChangeType.CHANGE_RIGHTS,
    (Verb.REPLACE, ObjectKind.POLICY): ChangeType.CHANGE_RIGHTS,
    (Verb.DROP, ObjectKind.POLICY): ChangeType.CHANGE_RIGHTS,
    (Verb.WRITE, ObjectKind.RELATION): ChangeType.CHANGE_DATA,
    (Verb.REPLACE, ObjectKind.DEFAULT): ChangeType.ALTER_COLUMN,
    (Verb.TIGHTEN, ObjectKind.RELATION): ChangeType.ALTER_COLUMN,
}
_VIEWS = {ChangeType.ADD_TABLE: ChangeType.ADD_VIEW, ChangeType.REMOVE_TABLE: ChangeType.REMOVE_VIEW}
# Commands that change something without an effect on an object's versions.
_COMMANDS = {
    "grant_stmt": (ChangeType.CHANGE_RIGHTS, "changes who may do what"),
    "grant_role_stmt": (ChangeType.CHANGE_RIGHTS, "changes who is a member of a role"),
    "alter_default_privileges_stmt": (ChangeType.CHANGE_RIGHTS, "changes the rights that new objects get"),
    "alter_owner_stmt": (ChangeType.CHANGE_RIGHTS, "changes an owner"),
    "create_extension_stmt": (ChangeType.OTHER, "installs an extension"),
}
_LOSES = {ChangeType.REMOVE_TABLE, ChangeType.REMOVE_COLUMN}


def changes_of(command: str, effects: Sequence[Effect], line: int) -> Iterator[DatabaseChange]:
    """The changes that one command makes. `command` is the grammar's name of it, such as "grant_stmt"."""
    return (change for change, _ in changes_and_effects(command, effects, line))


def changes_and_effects(
    command: str, effects: Sequence[Effect], line: int
) -> Iterator[tuple[DatabaseChange, Effect | None]]:
    """The same with the effect that each change comes from; None: from the command as a whole."""
    if command in _COMMANDS:
        yield _whole_command(*_COMMANDS[command], effects, line), None
    made = {
        (each.object.schema, each.object.name)
        for each in effects
        if each.verb is Verb.CREATE and not each.object.part
    }
    for effect in effects:
        name = effect.object
        if effect.verb is Verb.CREATE and name.part and (name.schema, name.name) in made:
            continue  # a new table's columns and a new type's labels are told with it, not one by one
        change = _TYPES.get((effect.verb, name.kind))
        if change is not None and not (effect.verb is Verb.TIGHTEN and _is_told(effect, effects)):
            told = _VIEWS.get(change, change) if effect.type == "view" else change
            yield _change(told, effect), effect


def other_change(effect: Effect) -> DatabaseChange:
    """The change behind an effect that is not among those that a plan tells, such as the renaming of a function."""
    return _change(ChangeType.OTHER, effect)


def unknown_change(reason: str, schema: str) -> DatabaseChange:
    """What a revision may do besides: never "none"."""
    return DatabaseChange(
        type=ChangeType.UNKNOWN, table="", schema=schema, description=f"not known: {reason}"
    )


def _whole_command(
    change: ChangeType, description: str, effects: Sequence[Effect], line: int
) -> DatabaseChange:
    table = next((effect.object for effect in effects if effect.object.kind is ObjectKind.RELATION), None)
    return DatabaseChange(
        type=change,
        table=table.name if table else "",
        schema=table.schema if table else "",
        description=description,
        line=line,
    )


def _is_told(effect: Effect, effects: Sequence[Effect]) -> bool:
    """Whether the same command adds the column, constraint or index that tightens the table."""
    return any(each.verb is Verb.CREATE and each.object.kind in _TIGHTENING for each in effects)


_TIGHTENING = {ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.INDEX}


def _change(change: ChangeType, effect: Effect) -> DatabaseChange:
    name = effect.object
    relation = effect.to if name.kind is ObjectKind.INDEX and effect.to is not None else name
    return DatabaseChange(
        type=change,
        table=relation.name,
        schema=name.schema,
        column=name.part if name.kind in {ObjectKind.COLUMN, ObjectKind.DEFAULT} else None,
        description=_sentence(effect),
        loses_data=change in _LOSES,
        line=effect.line,
    )


def _sentence(effect: Effect) -> str:
    """What happens, in one line, such as "renames column 'crm.customers.phone' to 'phone1'"."""
    name = effect.object
    if effect.verb is Verb.WRITE:
        columns = f" ({', '.join(effect.columns)})" if effect.columns else ""
        return f"changes rows of '{name}'{columns}"
    if effect.verb is Verb.TIGHTEN:
        return f"refuses rows of '{name}' that were good before ({', '.join(effect.columns or ())})"
    if name.kind is ObjectKind.POLICY and effect.type:
        return f"{effect.type} row level security of '{name.relation}'"
    if name.kind is ObjectKind.DEFAULT:
        if effect.type == "always":
            return f"lets nobody but PostgreSQL give column '{name}' a value"
        return f"changes the default of column '{name}'"
    kind = (
        "view"
        if effect.type == "view"
        else ("table" if name.kind is ObjectKind.RELATION else name.kind.value)
    )
    told = f"{effect.verb.value} {kind} '{name}'"
    if effect.verb is Verb.RENAME and effect.to is not None:
        return f"{told} to '{effect.to.part or effect.to}'"
    if effect.verb is Verb.RETYPE or (name.kind is ObjectKind.COLUMN and effect.type):
        return f"{told} to {effect.type}" if effect.verb is Verb.RETYPE else f"{told} ({effect.type})"
    if name.kind is ObjectKind.INDEX and effect.to is not None:
        return f"{told} on '{effect.to}'"
    return told
