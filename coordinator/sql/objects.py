"""What dropping, renaming and moving do; and types, schemas, sequences, triggers, policies and rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.sql.namespace import column, within
from coordinator.sql.nodes import given, name_of, strings, unwrap, word
from coordinator.sql.queries import QueryReader

if TYPE_CHECKING:
    from coordinator.sql.reading import Reading
    from coordinator.sql.tree import Node

_KINDS = {
    "TABLE": ObjectKind.RELATION,
    "VIEW": ObjectKind.RELATION,
    "MATVIEW": ObjectKind.RELATION,
    "FOREIGN_TABLE": ObjectKind.RELATION,
    "INDEX": ObjectKind.INDEX,
    "SEQUENCE": ObjectKind.SEQUENCE,
    "TYPE": ObjectKind.TYPE,
    "DOMAIN": ObjectKind.TYPE,
    "FUNCTION": ObjectKind.FUNCTION,
    "PROCEDURE": ObjectKind.FUNCTION,
    "ROUTINE": ObjectKind.FUNCTION,
    "AGGREGATE": ObjectKind.FUNCTION,
    "SCHEMA": ObjectKind.SCHEMA,
}
_INSIDE_A_TABLE = {
    "TRIGGER": ObjectKind.TRIGGER,
    "POLICY": ObjectKind.POLICY,
    "RULE": ObjectKind.RULE,
    "TABCONSTRAINT": ObjectKind.CONSTRAINT,
    "COLUMN": ObjectKind.COLUMN,
}


def _named(reading: Reading, kind: ObjectKind, node: Node) -> ObjectName:
    """The object that a node of any of the grammar's forms of a name means."""
    form = name_of(node)
    if form == "List":
        words = strings(node.items)
    elif form == "ObjectWithArgs":
        words = strings(node.objname)
    elif form == "TypeName":
        words = strings(node.names)
    else:
        words = (node.sval,)
    if kind is ObjectKind.SCHEMA:
        return ObjectName(kind, words[-1], "")
    return reading.names.named(kind, words)


def drop(reading: Reading, node: Node) -> None:
    """DROP of anything that can have versions."""
    target = word(node, "remove_type").removeprefix("OBJECT_")
    details = {
        "cascade": word(node, "behavior") == "DROP_CASCADE",
        "conditional": bool(node.missing_ok),
        "type": "view" if target in {"VIEW", "MATVIEW"} else None,
    }
    for item in (unwrap(each) for each in node.objects):
        if target in _INSIDE_A_TABLE:
            words = strings(item.items)
            relation = reading.names.named(ObjectKind.RELATION, words[:-1])
            reading.add(Verb.DROP, within(relation, _INSIDE_A_TABLE[target], words[-1]), **details)
        elif target in _KINDS:
            reading.add(Verb.DROP, _named(reading, _KINDS[target], item), **details)


def rename(reading: Reading, node: Node) -> None:
    """ALTER … RENAME of a relation, column, constraint, index, type, function, schema and so on."""
    target = word(node, "rename_type").removeprefix("OBJECT_")
    if target in _INSIDE_A_TABLE:
        relation = reading.names.relation(node.relation)
        kind = _INSIDE_A_TABLE[target]
        reading.use(relation)
        reading.add(
            Verb.RENAME, within(relation, kind, node.subname), to=within(relation, kind, node.newname)
        )
    elif target in _KINDS:
        kind = _KINDS[target]
        old = _renamed(reading, kind, node)
        new = (
            ObjectName(kind, node.newname, "")
            if kind is ObjectKind.SCHEMA
            else ObjectName(kind, old.schema, node.newname)
        )
        reading.add(Verb.RENAME, old, to=new)


def _renamed(reading: Reading, kind: ObjectKind, node: Node) -> ObjectName:
    if node.HasField("relation"):
        relation = reading.names.relation(node.relation)
        return ObjectName(kind, relation.schema, relation.name)
    if kind is ObjectKind.SCHEMA:
        return ObjectName(kind, node.subname, "")
    return _named(reading, kind, unwrap(node.object))


def move(reading: Reading, node: Node) -> None:
    """ALTER … SET SCHEMA: the object goes on under a name in another schema."""
    kind = _KINDS.get(word(node, "object_type").removeprefix("OBJECT_"))
    if kind is None:
        return
    if node.HasField("relation"):
        relation = reading.names.relation(node.relation)
        old = ObjectName(kind, relation.schema, relation.name)
    else:
        old = _named(reading, kind, unwrap(node.object))
    reading.use(ObjectName(ObjectKind.SCHEMA, node.newschema, ""))
    reading.add(Verb.RENAME, old, to=ObjectName(kind, node.newschema, old.name))


def create_schema(reading: Reading, node: Node) -> None:
    """CREATE SCHEMA."""
    schema = ObjectName(ObjectKind.SCHEMA, node.schemaname or reading.names.schema, "")
    reading.add(Verb.CREATE, schema, conditional=bool(node.if_not_exists))


def create_sequence(reading: Reading, node: Node) -> None:
    """CREATE SEQUENCE."""
    relation = reading.names.relation(node.sequence)
    sequence = ObjectName(ObjectKind.SEQUENCE, relation.schema, relation.name)
    reading.add(Verb.CREATE, sequence, conditional=bool(node.if_not_exists))
    _owner_of_sequence(reading, node)


def alter_sequence(reading: Reading, node: Node) -> None:
    """ALTER SEQUENCE."""
    relation = reading.names.relation(node.sequence)
    reading.use(ObjectName(ObjectKind.SEQUENCE, relation.schema, relation.name))
    _owner_of_sequence(reading, node)


def _owner_of_sequence(reading: Reading, node: Node) -> None:
    for item in node.options:
        if item.def_elem.defname == "owned_by":
            words = strings(item.def_elem.arg.list.items)
            if len(words) > 1:
                owner = reading.names.named(ObjectKind.RELATION, words[:-1])
                reading.use(owner)
                reading.use(column(owner, words[-1]))


def create_enum(reading: Reading, node: Node) -> None:
    """CREATE TYPE … AS ENUM, with its labels."""
    words = strings(node.type_name)
    reading.add(Verb.CREATE, reading.names.named(ObjectKind.TYPE, words))
    for item in node.vals:
        reading.add(Verb.CREATE, reading.names.named(ObjectKind.LABEL, words, item.string.sval))


def alter_enum(reading: Reading, node: Node) -> None:
    """ALTER TYPE … ADD VALUE or RENAME VALUE."""
    words = strings(node.type_name)
    reading.use(reading.names.named(ObjectKind.TYPE, words))
    label = reading.names.named(ObjectKind.LABEL, words, node.new_val)
    if node.old_val:
        reading.add(Verb.RENAME, reading.names.named(ObjectKind.LABEL, words, node.old_val), to=label)
    else:
        reading.add(Verb.CREATE, label, conditional=bool(node.skip_if_new_val_exists))
        reading.added_labels.append(label)


def create_composite(reading: Reading, node: Node) -> None:
    """CREATE TYPE … AS (…)."""
    relation = reading.names.relation(node.typevar)
    kind = ObjectName(ObjectKind.TYPE, relation.schema, relation.name)
    reading.add(Verb.CREATE, kind)
    for item in node.coldeflist:
        reading.use_type(item.column_def.type_name, holder=kind)


def create_domain(reading: Reading, node: Node) -> None:
    """CREATE DOMAIN."""
    domain = reading.names.listed(ObjectKind.TYPE, node.domainname)
    reading.add(Verb.CREATE, domain)
    reading.use_type(node.type_name, holder=domain)
    for item in node.constraints:
        expression = given(item.constraint, "raw_expr")
        if expression is not None:
            QueryReader(reading, domain).expression(expression)


def alter_domain(reading: Reading, node: Node) -> None:
    """ALTER DOMAIN."""
    reading.use(reading.names.listed(ObjectKind.TYPE, node.type_name))


def create_range(reading: Reading, node: Node) -> None:
    """CREATE TYPE … AS RANGE."""
    reading.add(Verb.CREATE, reading.names.listed(ObjectKind.TYPE, node.type_name))


def create_trigger(reading: Reading, node: Node) -> None:
    """CREATE TRIGGER: it holds its function, and the columns that it names."""
    relation = reading.names.relation(node.relation)
    trigger = within(relation, ObjectKind.TRIGGER, node.trigname)
    if node.replace:
        reading.add(Verb.REPLACE, trigger)
    reading.use(relation)
    reading.add(Verb.CREATE, trigger, conditional=bool(node.replace))
    reading.use(reading.names.listed(ObjectKind.FUNCTION, node.funcname), trigger)
    for name in strings(node.columns):
        reading.use(column(relation, name), trigger)


def create_policy(reading: Reading, node: Node) -> None:
    """CREATE POLICY and ALTER POLICY: it holds what its expressions name."""
    relation = reading.names.relation(node.table)
    policy = within(relation, ObjectKind.POLICY, node.policy_name)
    reading.use(relation)
    reading.add(Verb.CREATE if name_of(node) == "CreatePolicyStmt" else Verb.REPLACE, policy)
    for part in ("qual", "with_check"):
        expression = given(node, part)
        if expression is not None:
            QueryReader(reading, policy).expression(expression, relation)


def create_rule(reading: Reading, node: Node) -> None:
    """CREATE RULE: it holds what its actions name."""
    relation = reading.names.relation(node.relation)
    rule = within(relation, ObjectKind.RULE, node.rulename)
    if node.replace:
        reading.add(Verb.REPLACE, rule)
    reading.use(relation)
    reading.add(Verb.CREATE, rule, conditional=bool(node.replace))
    for item in node.actions:
        QueryReader(reading, rule).query(unwrap(item))
