"""What a command makes of columns, enum types, functions and rights, in more detail than its effects tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.model.known_objects import ColumnShape
from coordinator.model.overload import Overload
from coordinator.sql.calls import calls_in
from coordinator.sql.namespace import Namespace, column, type_words
from coordinator.sql.nodes import given, name_of, strings, unwrap, word
from coordinator.sql.tables import is_always
from coordinator.sql.unique_keys import unique_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.sql.calls import Call
    from coordinator.sql.tree import Node, Tree
    from coordinator.sql.unique_keys import MadeKey

_FILLS = frozenset({"CONSTR_DEFAULT", "CONSTR_GENERATED", "CONSTR_IDENTITY"})
# What ALL means ON ALL TABLES IN SCHEMA and the like: nothing else in the schema needs it.
_ON_ALL = {
    "TABLE": ("select", "insert", "update", "delete", "truncate"),
    "FUNCTION": ("execute",),
    "PROCEDURE": ("execute",),
    "ROUTINE": ("execute",),
}
_GIVEN_BACK = frozenset({"FUNC_PARAM_OUT", "FUNC_PARAM_TABLE"})
# Where commands have the functions that they name.
_NAMING = {"drop_stmt": "objects", "rename_stmt": "object", "alter_object_schema_stmt": "object"}
_REQUIRES = frozenset({"CONSTR_NOTNULL", "CONSTR_PRIMARY", "CONSTR_IDENTITY"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnRule:
    """What one column is from here on; None: as it was. `made`: it did not exist before."""

    column: ObjectName
    made: bool = False
    type: str | None = None
    mandatory: bool | None = None
    filled: bool | None = None
    always: bool | None = None

    def applied(self, before: ColumnShape) -> ColumnShape:
        """The column's shape after this."""
        return ColumnShape(
            type=before.type if self.type is None else self.type,
            mandatory=before.mandatory if self.mandatory is None else self.mandatory,
            filled=before.filled if self.filled is None else self.filled,
            always=before.always if self.always is None else self.always,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Rights that are taken from roles. A right to columns takes nothing from whoever has it to the table."""

    objects: tuple[ObjectName, ...]
    privileges: tuple[str, ...]  # in lower case; empty: all of them
    roles: tuple[str, ...]  # "public" is everybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What one command tells besides its effects. `functions` are those that it makes, `named` those
    that it drops, renames or moves, by their argument types (None: by the name alone)."""

    columns: tuple[ColumnRule, ...] = ()
    keys: tuple[MadeKey, ...] = ()
    labels: tuple[tuple[ObjectName, tuple[str, ...]], ...] = ()
    functions: tuple[tuple[ObjectName, Overload], ...] = ()
    named: tuple[tuple[ObjectName, tuple[str, ...] | None], ...] = ()
    calls: tuple[Call, ...] = ()
    revoked: tuple[Revoked, ...] = ()


def details_of(tree: Tree, schema: str) -> Details:
    """The details of one command; `schema` is where its unqualified names go."""
    names = Namespace(schema)
    node = tree.node
    keys, calls = tuple(unique_keys(names, tree)), tuple(calls_in(node, names))
    if tree.kind == "create_stmt":
        return Details(columns=tuple(_table(names, node)), keys=keys, calls=calls)
    if tree.kind == "alter_table_stmt" and word(node, "objtype") == "OBJECT_TABLE":
        return Details(columns=tuple(_alterations(names, node)), keys=keys, calls=calls)
    if tree.kind == "create_enum_stmt":
        enum = names.listed(ObjectKind.TYPE, node.type_name)
        return Details(labels=((enum, strings(node.vals)),))
    if tree.kind == "create_function_stmt":
        return Details(
            functions=((names.listed(ObjectKind.FUNCTION, node.funcname), overload(node)),), calls=calls
        )
    if tree.kind == "grant_stmt" and not node.is_grant:
        return Details(revoked=tuple(_revoked(names, node)))
    return Details(keys=keys, named=tuple(_named(names, tree)), calls=calls)


def type_text(node: Node) -> str:
    """A type as text: its bare name with modifiers and brackets, such as `varchar(20)` or `int4[]`."""
    words = type_words(node)
    if not words:
        return ""
    name = words[-1] if words[0] == "pg_catalog" or len(words) == 1 else ".".join(words)
    mods = [str(_number(unwrap(each))) for each in node.typmods]
    return name + (f"({','.join(mods)})" if mods else "") + "[]" * len(node.array_bounds)


def _number(node: Node) -> int | str:
    return int(node.ival.ival) if name_of(node) == "A_Const" and node.HasField("ival") else "?"


def _is_serial(node: Node) -> bool:
    words = strings(node.names)
    return bool(words) and words[-1].lower().endswith(("serial", "serial2", "serial4", "serial8"))


def _column(relation: ObjectName, node: Node) -> ColumnRule:
    kinds = {word(item.constraint, "contype") for item in node.constraints}
    serial = _is_serial(node.type_name)
    return ColumnRule(
        column=column(relation, node.colname),
        made=True,
        type=type_text(node.type_name),
        mandatory=bool(kinds & _REQUIRES) or serial,
        filled=bool(kinds & _FILLS) or serial or bool(node.HasField("raw_default")),
        always=any(is_always(item.constraint) for item in node.constraints),
    )


def _table(names: Namespace, node: Node) -> Iterator[ColumnRule]:
    relation = names.relation(node.relation)
    elements = [unwrap(item) for item in node.table_elts]
    for element in elements:
        if name_of(element) == "ColumnDef":
            yield _column(relation, element)
    for element in elements:
        if name_of(element) == "Constraint":
            yield from _primary_key(relation, element)


def _alterations(names: Namespace, node: Node) -> Iterator[ColumnRule]:
    relation = names.relation(node.relation)
    for item in node.cmds:
        command = item.alter_table_cmd
        action = word(command, "subtype").removeprefix("AT_")
        definition = given(command, "def")
        named = column(relation, command.name)
        if action == "AddColumn" and definition is not None:
            yield _column(relation, definition)
        elif action == "AddConstraint" and definition is not None:
            yield from _primary_key(relation, definition)
        elif (rule := _altered(action, named, definition)) is not None:
            yield rule


def _altered(action: str, named: ObjectName, definition: Node | None) -> ColumnRule | None:
    if action == "AlterColumnType" and definition is not None:
        return ColumnRule(column=named, type=type_text(definition.type_name))
    if action in {"SetNotNull", "DropNotNull"}:
        return ColumnRule(column=named, mandatory=action == "SetNotNull")
    if action == "ColumnDefault":
        return ColumnRule(column=named, filled=definition is not None)
    if action in {"AddIdentity", "SetIdentity"} and definition is not None:
        return ColumnRule(column=named, filled=True, always=is_always(definition))
    if action in {"DropIdentity", "DropExpression"}:
        return ColumnRule(column=named, filled=False, always=False)
    return None


def _primary_key(relation: ObjectName, constraint: Node) -> Iterator[ColumnRule]:
    if word(constraint, "contype") == "CONSTR_PRIMARY":
        for key in strings(constraint.keys):
            yield ColumnRule(column=column(relation, key), mandatory=True)


def overload(node: Node) -> Overload:
    """The function that a CREATE FUNCTION makes, among others of its name."""
    parameters = [each.function_parameter for each in node.parameters]
    given_back = [each for each in parameters if word(each, "mode") in _GIVEN_BACK]
    taken = [each for each in parameters if word(each, "mode") not in _GIVEN_BACK]
    outputs = ", ".join(f"{each.name} {type_text(each.arg_type)}" for each in given_back)
    result = type_text(node.return_type) if node.HasField("return_type") else ""
    several = "setof " if node.HasField("return_type") and node.return_type.setof else ""
    variadic = any(word(each, "mode") == "FUNC_PARAM_VARIADIC" for each in taken)
    return Overload(
        arguments=tuple(type_text(each.arg_type) for each in taken),
        needed=sum(not each.HasField("defexpr") for each in taken) - variadic,
        variadic=variadic,
        result=f"{several}{result} {outputs}".strip(),
    )


def _named(names: Namespace, tree: Tree) -> Iterator[tuple[ObjectName, tuple[str, ...] | None]]:
    """The functions that a command drops, renames or moves, with the argument types by which it names them."""
    if tree.kind not in _NAMING:
        return
    field = _NAMING[tree.kind]
    for item in tree.node.objects if field == "objects" else [getattr(tree.node, field)]:
        function = unwrap(item)
        if function is not None and name_of(function) == "ObjectWithArgs":
            types = tuple(type_text(unwrap(each)) for each in function.objargs)
            name = names.listed(ObjectKind.FUNCTION, function.objname)
            yield name, None if function.args_unspecified else types


def _revoked(names: Namespace, node: Node) -> Iterator[Revoked]:
    if node.grant_option:
        return  # the right itself stays
    target = word(node, "objtype").removeprefix("OBJECT_")
    whole = word(node, "targtype") == "ACL_TARGET_ALL_IN_SCHEMA"
    found = []
    for item in (unwrap(each) for each in node.objects):
        if whole:
            found.append(ObjectName(ObjectKind.SCHEMA, item.sval, ""))
        elif target in {"TABLE", "SEQUENCE"} and name_of(item) == "RangeVar":
            found.append(names.relation(item))
        elif target == "SCHEMA":
            found.append(ObjectName(ObjectKind.SCHEMA, item.sval, ""))
        elif target in {"FUNCTION", "PROCEDURE", "ROUTINE"}:
            found.append(names.listed(ObjectKind.FUNCTION, item.objname))
    roles = tuple(each.role_spec.rolename or "public" for each in node.grantees)
    rights = [each.access_priv for each in node.privileges]
    on_all = tuple(each.priv_name.lower() for each in rights if not each.cols)
    if on_all or not rights:
        privileges = on_all or (_ON_ALL.get(target, ()) if whole else ())
        yield Revoked(objects=tuple(found), privileges=privileges, roles=roles)
    for right in (each for each in rights if each.cols):
        columns = tuple(column(table, each) for table in found for each in strings(right.cols))
        yield Revoked(objects=columns, privileges=(right.priv_name.lower(),), roles=roles)
