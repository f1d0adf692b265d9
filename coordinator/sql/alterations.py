"""What ALTER TABLE does, one small function for each of its actions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.sql.constraints import read_constraint
from coordinator.sql.namespace import column, type_words, within
from coordinator.sql.nodes import strings, unwrap, word
from coordinator.sql.queries import QueryReader
from coordinator.sql.tables import add_column, is_always, tightens_new_column

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.sql.reading import Reading
    from coordinator.sql.tree import Node


def alter_table(reading: Reading, node: Node) -> None:
    """ALTER TABLE, VIEW, INDEX or SEQUENCE with all its actions; ALTER TYPE of a composite type."""
    target = word(node, "objtype")
    if target == "OBJECT_TYPE":
        reading.add(Verb.USE, ObjectName(ObjectKind.TYPE, *_schema_and_name(reading, node)))
        return
    if target in {"OBJECT_INDEX", "OBJECT_SEQUENCE"}:
        kind = ObjectKind.INDEX if target == "OBJECT_INDEX" else ObjectKind.SEQUENCE
        reading.use(ObjectName(kind, *_schema_and_name(reading, node)))
        return
    relation = reading.names.relation(node.relation)
    reading.use(relation)
    for item in node.cmds:
        command = item.alter_table_cmd
        handler = _ACTIONS.get(word(command, "subtype").removeprefix("AT_"))
        if handler is not None:
            handler(reading, relation, command)


def _schema_and_name(reading: Reading, node: Node) -> tuple[str, str]:
    relation = reading.names.relation(node.relation)
    return relation.schema, relation.name


def _definition(command: Node) -> Node:
    """What the action defines; the grammar calls it by a word that Python keeps for itself."""
    return unwrap(getattr(command, "def"))


def _add_column(reading: Reading, relation: ObjectName, command: Node) -> None:
    definition = _definition(command)
    add_column(reading, relation, definition, conditional=bool(command.missing_ok))
    if tightens_new_column(definition):
        reading.add(Verb.TIGHTEN, relation, columns=(definition.colname,), type="not null")


def _drop_column(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.add(
        Verb.DROP,
        column(relation, command.name),
        cascade=word(command, "behavior") == "DROP_CASCADE",
        conditional=bool(command.missing_ok),
    )


def _alter_type(reading: Reading, relation: ObjectName, command: Node) -> None:
    definition = _definition(command)
    words = type_words(definition.type_name)
    changed = column(relation, command.name)
    computed = definition.HasField("raw_default")  # the expression behind USING
    if computed:
        QueryReader(reading).expression(unwrap(definition.raw_default), relation)
    reading.add(Verb.RETYPE, changed, type=words[-1] if words else None, overwrites=computed)
    reading.use_type(definition.type_name, holder=changed)


def _row_security(reading: Reading, relation: ObjectName, command: Node) -> None:
    how = _ROW_SECURITY[word(command, "subtype").removeprefix("AT_")]
    reading.add(Verb.REPLACE, within(relation, ObjectKind.POLICY, "row level security"), type=how)


def _default(reading: Reading, relation: ObjectName, command: Node) -> None:
    holder = within(relation, ObjectKind.DEFAULT, command.name)
    reading.use(column(relation, command.name))
    reading.add(Verb.REPLACE, holder)
    if command.HasField("def"):
        QueryReader(reading, holder).expression(_definition(command), relation)


def _identity(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.use(column(relation, command.name))
    always = is_always(_definition(command)) if command.HasField("def") else False
    if always is not None:
        holder = within(relation, ObjectKind.DEFAULT, command.name)
        reading.add(Verb.REPLACE, holder, type="always" if always else None)


def _set_not_null(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.use(column(relation, command.name))
    reading.add(Verb.TIGHTEN, relation, columns=(command.name,), type="not null")


def _uses_column(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.use(column(relation, command.name))


def _add_constraint(reading: Reading, relation: ObjectName, command: Node) -> None:
    definition = _definition(command)
    read_constraint(reading, relation, definition, {})
    mandatory = word(definition, "contype") in {"CONSTR_PRIMARY", "CONSTR_NOTNULL"}
    reading.add(
        Verb.TIGHTEN, relation, columns=strings(definition.keys), type="not null" if mandatory else None
    )


def _drop_constraint(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.add(
        Verb.DROP,
        within(relation, ObjectKind.CONSTRAINT, command.name),
        cascade=word(command, "behavior") == "DROP_CASCADE",
        conditional=bool(command.missing_ok),
    )


def _uses_constraint(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.use(within(relation, ObjectKind.CONSTRAINT, command.name))


def _drop_expression(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.add(Verb.REPLACE, column(relation, command.name))
    reading.add(Verb.REPLACE, within(relation, ObjectKind.DEFAULT, command.name))


def _attach(reading: Reading, relation: ObjectName, command: Node) -> None:
    partition = reading.names.relation(_definition(command).name)
    reading.use(partition)
    reading.use(relation, holder=partition)


def _detach(reading: Reading, relation: ObjectName, command: Node) -> None:
    partition = reading.names.relation(_definition(command).name)
    reading.use(relation)
    reading.add(Verb.REPLACE, partition)


def _inherit(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.use(reading.names.relation(_definition(command)), holder=relation)


def _uses_trigger(reading: Reading, relation: ObjectName, command: Node) -> None:
    reading.use(within(relation, ObjectKind.TRIGGER, command.name))


_ROW_SECURITY = {
    "EnableRowSecurity": "turns on",
    "DisableRowSecurity": "turns off",
    "ForceRowSecurity": "forces",
    "NoForceRowSecurity": "no longer forces",
}
_ACTIONS: dict[str, Callable[[Reading, ObjectName, Node], None]] = {
    "AddColumn": _add_column,
    "DropColumn": _drop_column,
    "AlterColumnType": _alter_type,
    "ColumnDefault": _default,
    "SetNotNull": _set_not_null,
    "DropNotNull": _uses_column,
    "SetStatistics": _uses_column,
    "SetStorage": _uses_column,
    "AddIdentity": _identity,
    "SetIdentity": _identity,
    "DropIdentity": _identity,
    "SetExpression": _uses_column,
    "DropExpression": _drop_expression,
    "AddConstraint": _add_constraint,
    "DropConstraint": _drop_constraint,
    "ValidateConstraint": _uses_constraint,
    "AlterConstraint": _uses_constraint,
    "AttachPartition": _attach,
    "DetachPartition": _detach,
    "AddInherit": _inherit,
    "EnableTrig": _uses_trigger,
    "DisableTrig": _uses_trigger,
    **dict.fromkeys(_ROW_SECURITY, _row_security),
}
