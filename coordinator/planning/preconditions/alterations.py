"""ALTER TABLE, action by action: what each demands of rows, and what the table is like after it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.planning.preconditions.constraints import adds_constraint
from coordinator.planning.preconditions.moving import joins, leaves
from coordinator.planning.preconditions.narrowing import changes_type, keeps_values
from coordinator.planning.preconditions.not_null import becomes_mandatory, comes_mandatory
from coordinator.planning.preconditions.partition import attaches
from coordinator.planning.preconditions.referenced import detaches
from coordinator.planning.preconditions.validate import validates
from coordinator.planning.preconditions.world import NO_VALUE, ColumnState
from coordinator.sql.namespace import TEMPORARY
from coordinator.sql.nodes import children, given, name_of, strings, unwrap, word
from coordinator.sql.parser import expression_text, type_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

# PostgreSQL does the actions of one command in passes, not as they are written.
_PASSES = {
    "DropColumn": 0,
    "DropConstraint": 0,
    "AlterColumnType": 1,
    "AddColumn": 2,
    "AddConstraint": 4,
    "ValidateConstraint": 5,
    "AttachPartition": 5,
}
_LATER = 3
_COMPUTES = frozenset({"FuncCall", "SubLink", "SQLValueFunction", "ColumnRef"})
_NEVER_EMPTY = frozenset({"CONSTR_IDENTITY", "CONSTR_GENERATED"})


def alters_table(asking: Asking, node: Node) -> None:
    """All actions of one command."""
    if word(node, "objtype") != "OBJECT_TABLE":
        return
    table = asking.world.table(asking.relation(node.relation))
    if table is None:
        _unknown_table(asking, node)
        return
    actions = [item.alter_table_cmd for item in node.cmds]
    for command in sorted(actions, key=lambda each: _PASSES.get(_name(each), _LATER)):
        handler = _ACTIONS.get(_name(command))
        if handler is not None:
            handler(asking, table, command, not node.relation.inh)


def _name(command: Node) -> str:
    return word(command, "subtype").removeprefix("AT_")


def _definition(command: Node) -> Node:
    return unwrap(getattr(command, "def"))


def _unknown_table(asking: Asking, node: Node) -> None:
    """A table that the target has not, and that the plan did not make in a way that can be read."""
    relation = asking.relation(node.relation)
    if relation.schema == TEMPORARY:
        return
    for command in (item.alter_table_cmd for item in node.cmds):
        kind = _DEMANDS.get(_name(command))
        if kind is not None and (relation.schema, relation.name) not in asking.world.dropped:
            what = f"what line {asking.line} demands of {relation.schema}.{relation.name}"
            asking.ask(kind, what, None, "the target has no such table now")
            return


def _add_column(asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    definition = _definition(command)
    name = definition.colname
    if name in table.columns:
        return  # IF NOT EXISTS
    kinds = {word(unwrap(each), "contype") for each in definition.constraints}
    table.columns[name] = ColumnState(
        today=None,
        type=type_text(definition.type_name),
        not_null=bool(kinds & {"CONSTR_NOTNULL", "CONSTR_PRIMARY", "CONSTR_IDENTITY"}),
        fill=_fill(asking, definition, kinds),
    )
    if table.empty:
        return
    comes_mandatory(asking, table, definition)
    for item in definition.constraints:
        if word(unwrap(item), "contype") not in {"CONSTR_NOTNULL", "CONSTR_DEFAULT"}:
            adds_constraint(asking, table, unwrap(item), (name,))


def _fill(asking: Asking, definition: Node, kinds: set[str]) -> str:
    """What all rows get in a new column; empty where that is computed."""
    words = strings(definition.type_name.names)
    if kinds & _NEVER_EMPTY or (words and words[-1].endswith(("serial", "serial2", "serial4", "serial8"))):
        return ""
    default = next(
        (
            unwrap(unwrap(each).raw_expr)
            for each in definition.constraints
            if word(unwrap(each), "contype") == "CONSTR_DEFAULT"
        ),
        given(definition, "raw_default"),
    )
    if default is None:
        domain = asking.domain(definition.type_name)
        given_by_type = domain.has_default if domain is not None else asking.made_type(definition.type_name)
        return "" if given_by_type else NO_VALUE
    if _computes(default):
        return ""
    text = expression_text(default)
    return NO_VALUE if text.upper() == NO_VALUE else f"({text})::{type_text(definition.type_name)}"


def _computes(node: Node) -> bool:
    return name_of(node) in _COMPUTES or any(_computes(each) for each in children(node))


def _drop_column(_asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    table.columns.pop(command.name, None)


def _drop_constraint(_asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    table.gone_constraints.add(command.name)
    table.unproved.pop(command.name, None)


def _change_type(asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    definition, name = _definition(command), command.name
    if not table.empty:
        changes_type(asking, table, name, definition)
    column = table.columns.get(name)
    if column is None:
        return
    using = given(definition, "raw_default")
    if definition.HasField("coll_clause") or not keeps_values(column.type, definition.type_name, using):
        column.retyped = asking.by
        column.written = asking.by if using is not None else column.written
    column.type = type_text(definition.type_name)


def _set_expression(asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    if command.name in table.columns:
        table.columns[command.name].written = asking.by


def _set_not_null(asking: Asking, table: TableState, command: Node, only: bool) -> None:
    if not table.empty and not (only and table.partitioned):
        becomes_mandatory(asking, table, (command.name,), only=only)
    if command.name in table.columns:
        table.columns[command.name].not_null = True


def _drop_not_null(_asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    if command.name in table.columns:
        table.columns[command.name].not_null = False


def _add_constraint(asking: Asking, table: TableState, command: Node, only: bool) -> None:
    if not table.empty and not (only and table.partitioned):
        adds_constraint(asking, table, _definition(command), only=only)


def _validate(asking: Asking, table: TableState, command: Node, only: bool) -> None:
    if not table.empty:
        validates(asking, table, command.name, only=only)


def _attach(asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    definition = _definition(command)
    attaches(asking, table, definition)
    partition = asking.world.table(asking.relation(definition.name))
    if partition is not None:
        joins(asking.world, table, partition, asking.by)


def _detach(asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    partition = asking.table(_definition(command).name)
    if partition is not None:
        detaches(asking, table, partition)
        leaves(asking.world, partition, asking.by)


def _inherit(asking: Asking, table: TableState, command: Node, _only: bool) -> None:
    parent = asking.world.table(asking.relation(_definition(command)))
    if parent is not None:
        joins(asking.world, parent, table, asking.by)


def _stop_inheriting(asking: Asking, table: TableState, _command: Node, _only: bool) -> None:
    if not table.empty:
        leaves(asking.world, table, asking.by)


_ACTIONS: dict[str, Callable[[Asking, TableState, Node, bool], None]] = {
    "AddColumn": _add_column,
    "DropColumn": _drop_column,
    "DropConstraint": _drop_constraint,
    "AlterColumnType": _change_type,
    "SetExpression": _set_expression,
    "SetNotNull": _set_not_null,
    "DropNotNull": _drop_not_null,
    "AddConstraint": _add_constraint,
    "ValidateConstraint": _validate,
    "AttachPartition": _attach,
    "DetachPartition": _detach,
    "AddInherit": _inherit,
    "DropInherit": _stop_inheriting,
}
_DEMANDS = {
    "AlterColumnType": PreconditionKind.TYPE,
    "SetNotNull": PreconditionKind.NOT_NULL,
    "AddConstraint": PreconditionKind.CHECK,
    "ValidateConstraint": PreconditionKind.CHECK,
    "AttachPartition": PreconditionKind.PARTITION,
}
