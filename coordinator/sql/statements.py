"""Reads any command into effects: the one table that says which function reads which command."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.sql import functions, objects, tables
from coordinator.sql.alterations import alter_table
from coordinator.sql.namespace import column
from coordinator.sql.nodes import name_of, strings, unwrap, word
from coordinator.sql.queries import QueryReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.sql.reading import Reading
    from coordinator.sql.tree import Node, Tree


def read_command(reading: Reading, tree: Tree) -> None:
    """Note in `reading` all that this command does."""
    if tree.kind in _WITH_TEXT:
        _WITH_TEXT[tree.kind](reading, tree.node, tree.sql)
    elif tree.kind in _READERS:
        _READERS[tree.kind](reading, tree.node)
    elif tree.kind not in _TOUCHES_NO_OBJECT:
        reading.not_known(f"what {tree.kind.removesuffix('_stmt').replace('_', ' ')} does is not read")


def _query(reading: Reading, node: Node) -> None:
    QueryReader(reading).query(node)


def _truncate(reading: Reading, node: Node) -> None:
    cascade = word(node, "behavior") == "DROP_CASCADE"
    for item in node.relations:
        relation = reading.names.relation(item.range_var)
        reading.use(relation)
        reading.add(Verb.WRITE, relation, columns=(), overwrites=True, cascade=cascade)


def _copy(reading: Reading, node: Node) -> None:
    if node.HasField("query"):
        QueryReader(reading).query(unwrap(node.query))
        return
    relation = reading.names.relation(node.relation)
    names = strings(node.attlist)
    reading.use(relation)
    for name in names:
        reading.use(column(relation, name))
    if node.is_from:
        reading.add(Verb.WRITE, relation, columns=names or None)


def _search_path(reading: Reading, node: Node) -> None:
    """SET search_path moves the unqualified names of the statements behind it."""
    if node.name.lower() != "search_path":
        return
    if word(node, "kind") != "VAR_SET_VALUE":
        reading.not_known("search_path is reset, so unqualified names may mean something else")
        return
    names = [item.a_const.sval.sval for item in node.args if item.HasField("a_const")]
    first = next((each for each in names if each not in {"pg_catalog", "pg_temp", "$user", ""}), None)
    if first is not None:
        reading.names.schema = first


def _comment(reading: Reading, node: Node) -> None:
    target = word(node, "objtype").removeprefix("OBJECT_")
    item = unwrap(node.object)
    if target == "COLUMN":
        words = strings(item.items)
        relation = reading.names.named(ObjectKind.RELATION, words[:-1])
        reading.use(relation)
        reading.use(column(relation, words[-1]))
    elif target in {"TABLE", "VIEW", "MATVIEW"}:
        reading.use(reading.names.listed(ObjectKind.RELATION, item.items))


def _grant(reading: Reading, node: Node) -> None:
    for item in (unwrap(each) for each in node.objects):
        if name_of(item) == "RangeVar":
            relation = reading.names.relation(item)
            reading.use(relation)
            for privilege in node.privileges:
                for name in strings(privilege.access_priv.cols):
                    reading.use(column(relation, name))
        elif name_of(item) == "ObjectWithArgs":
            reading.use(reading.names.listed(ObjectKind.FUNCTION, item.objname))


def _uses_relation(field: str = "relation") -> Callable[[Reading, Node], None]:
    def read(reading: Reading, node: Node) -> None:
        if node.HasField(field):
            reading.use(reading.names.relation(getattr(node, field)))

    return read


def _lock(reading: Reading, node: Node) -> None:
    for item in node.relations:
        reading.use(reading.names.relation(item.range_var))


def _schema(reading: Reading, node: Node) -> None:
    objects.create_schema(reading, node)
    outer, reading.names.schema = reading.names.schema, node.schemaname or reading.names.schema
    for item in node.schema_elts:
        inner = unwrap(item)
        kind = item.WhichOneof("node")
        if kind in _READERS:
            _READERS[kind](reading, inner)
    reading.names.schema = outer


def _foreign_table(reading: Reading, node: Node) -> None:
    tables.create_table(reading, node.base_stmt)


def _owner(reading: Reading, node: Node) -> None:
    if node.HasField("relation"):
        reading.use(reading.names.relation(node.relation))


_READERS: dict[str, Callable[[Reading, Node], None]] = {
    "select_stmt": tables.select_into,
    "insert_stmt": _query,
    "update_stmt": _query,
    "delete_stmt": _query,
    "merge_stmt": _query,
    "explain_stmt": _query,
    "truncate_stmt": _truncate,
    "copy_stmt": _copy,
    "create_stmt": tables.create_table,
    "create_foreign_table_stmt": _foreign_table,
    "create_table_as_stmt": tables.create_table_as,
    "view_stmt": tables.create_view,
    "index_stmt": tables.create_index,
    "alter_table_stmt": alter_table,
    "rename_stmt": objects.rename,
    "alter_object_schema_stmt": objects.move,
    "drop_stmt": objects.drop,
    "create_schema_stmt": _schema,
    "create_seq_stmt": objects.create_sequence,
    "alter_seq_stmt": objects.alter_sequence,
    "create_enum_stmt": objects.create_enum,
    "alter_enum_stmt": objects.alter_enum,
    "composite_type_stmt": objects.create_composite,
    "create_domain_stmt": objects.create_domain,
    "alter_domain_stmt": objects.alter_domain,
    "create_range_stmt": objects.create_range,
    "create_trig_stmt": objects.create_trigger,
    "create_policy_stmt": objects.create_policy,
    "alter_policy_stmt": objects.create_policy,
    "rule_stmt": objects.create_rule,
    "call_stmt": functions.call,
    "alter_function_stmt": functions.alter_function,
    "variable_set_stmt": _search_path,
    "comment_stmt": _comment,
    "grant_stmt": _grant,
    "refresh_mat_view_stmt": _uses_relation(),
    "cluster_stmt": _uses_relation(),
    "reindex_stmt": _uses_relation(),
    "create_stats_stmt": _query,
    "lock_stmt": _lock,
    "alter_owner_stmt": _owner,
    "vacuum_stmt": _query,
}
_WITH_TEXT: dict[str, Callable[[Reading, Node, str], None]] = {
    "create_function_stmt": functions.create_function,
    "do_stmt": functions.do_block,
}
_TOUCHES_NO_OBJECT = frozenset(
    f"{name}_stmt"
    for name in re.findall(
        r"\w+",
        """
        transaction variable_show discard listen unlisten notify load check_point constraints_set create_role
        alter_role alter_role_set drop_role grant_role alter_default_privileges create_extension
        alter_extension alter_extension_contents createdb dropdb alter_database alter_database_set
        alter_system create_table_space drop_table_space alter_table_space_options prepare deallocate
        declare_cursor close_portal fetch sec_label replica_identity alter_stats create_publication
        alter_publication create_subscription alter_subscription drop_subscription alter_object_depends
        create_event_trig alter_event_trig create_cast alter_type define create_plang create_fdw alter_fdw
        create_foreign_server alter_foreign_server create_user_mapping alter_user_mapping drop_user_mapping
        alter_collation create_conversion create_op_class create_op_family alter_op_family alter_operator
        create_transform alter_tsdictionary alter_tsconfiguration create_am reassign_owned
        """,
    )
)
