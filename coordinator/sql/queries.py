"""Which relations, columns, functions and types a query uses, and what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import Holding, ObjectKind, ObjectName, Verb
from coordinator.sql.namespace import column, is_built_in
from coordinator.sql.nodes import children, given, name_of, strings, unwrap
from coordinator.sql.outputs import output_name
from coordinator.sql.scope import Columns, Scope, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import ClassVar

    from coordinator.sql.reading import Reading
    from coordinator.sql.tree import Node


class QueryReader:
    """Reads queries and expressions; with a `holder` every use is a lasting one of that holder."""

    def __init__(
        self, reading: Reading, holder: ObjectName | None = None, holding: Holding = Holding.FIRM
    ) -> None:
        self.reading = reading
        self.holder = holder
        self.holding = holding

    def query(self, node: Node, around: Scope | None = None) -> Columns:
        """Read one SELECT, INSERT, UPDATE, DELETE, MERGE or other node; give its columns where known."""
        handler = self._HANDLERS.get(name_of(node))
        scope = Scope(around)
        if name_of(node) == "SelectStmt":
            return self._select(node, scope)
        if handler is not None:
            handler(self, node, scope)
        else:
            self._below(node, scope)
        return None

    def expression(self, node: Node, relation: ObjectName | None = None) -> None:
        """Read an expression over the columns of one relation (or of none)."""
        sources = [Source(relation.name, relation)] if relation else []
        self._node(node, Scope(sources=sources))

    def use(self, target: ObjectName, **details: object) -> None:
        self.reading.use(target, self.holder, self.holding, **details)

    # -- walking --

    def _node(self, node: Node, scope: Scope) -> None:
        handler = self._HANDLERS.get(name_of(node))
        if handler is None:
            self._below(node, scope)
        else:
            handler(self, node, scope)

    def _below(self, node: Node, scope: Scope) -> None:
        for child in children(node):
            self._node(child, scope)

    def _all(self, items: Iterable[Node], scope: Scope) -> None:
        for item in items:
            inner = unwrap(item)
            if inner is not None:
                self._node(inner, scope)

    # -- queries --

    def _select(self, node: Node, scope: Scope) -> Columns:
        self._with(node, scope)
        if node.HasField("larg"):
            columns = self._select(node.larg, Scope(scope))
            self._select(node.rarg, Scope(scope))
            self._all(node.sort_clause, Scope(scope, outputs=frozenset(columns or ())))
            return columns
        self._sources(node.from_clause, scope)
        columns = self._targets(node.target_list, scope)
        if node.values_lists:
            width = len(node.values_lists[0].list.items)
            columns = tuple(f"column{number}" for number in range(1, width + 1))
        for part in ("where_clause", "having_clause", "limit_count", "limit_offset"):
            inner = given(node, part)
            if inner is not None:
                self._node(inner, scope)
        for items in (node.values_lists, node.distinct_clause, node.window_clause):
            self._all(items, scope)
        scope.outputs = frozenset(columns or ())
        self._all(node.group_clause, scope)
        self._all(node.sort_clause, scope)
        return columns

    def _subselect(self, node: Node, scope: Scope) -> None:
        self._select(node, Scope(scope))

    def _with(self, node: Node, scope: Scope) -> None:
        if not node.HasField("with_clause"):
            return
        for item in node.with_clause.ctes:
            named = item.common_table_expr
            given_columns = strings(named.aliascolnames) or None
            if node.with_clause.recursive:
                scope.named_queries[named.ctename] = given_columns
            columns = self.query(unwrap(named.ctequery), scope)
            scope.named_queries[named.ctename] = given_columns or columns

    def _targets(self, items: Iterable[Node], scope: Scope) -> Columns:
        names: list[str] | None = []
        for item in items:
            target = item.res_target
            value = given(target, "val")
            if value is None:
                continue
            self._node(value, scope)
            name = target.name or output_name(value)
            names = None if name is None or names is None else [*names, name]
        return None if names is None else tuple(names)

    # -- sources --

    def _sources(self, items: Iterable[Node], scope: Scope) -> None:
        for item in items:
            inner = unwrap(item)
            if inner is not None:
                self._source(inner, scope)

    def _source(self, node: Node, scope: Scope) -> None:
        kind = name_of(node)
        if kind == "RangeVar":
            self._relation_source(node, scope)
        elif kind == "JoinExpr":
            self._join(node, scope)
        elif kind == "RangeSubselect":
            columns = self.query(unwrap(node.subquery), scope)
            scope.sources.append(Source(node.alias.aliasname, None, strings(node.alias.colnames) or columns))
        elif kind == "RangeTableSample":
            self._source(unwrap(node.relation), scope)
            self._all(node.args, scope)
        else:
            self._below(node, scope)
            alias = node.alias if "alias" in node.DESCRIPTOR.fields_by_name else None
            if alias is not None and alias.aliasname:
                scope.sources.append(Source(alias.aliasname, None, strings(alias.colnames) or None))

    def _relation_source(self, node: Node, scope: Scope) -> None:
        alias = node.alias.aliasname or node.relname
        if not node.schemaname and scope.is_named_query(node.relname):
            scope.sources.append(Source(alias, None, scope.columns_of_named_query(node.relname)))
            return
        relation = self.reading.names.relation(node)
        self.use(relation)
        renamed = strings(node.alias.colnames)
        # With renamed columns their names say nothing about the table's own.
        scope.sources.append(Source(alias, None, renamed) if renamed else Source(alias, relation))

    def _join(self, node: Node, scope: Scope) -> None:
        before = len(scope.sources)
        self._source(unwrap(node.larg), scope)
        self._source(unwrap(node.rarg), scope)
        joined = [source.relation for source in scope.sources[before:] if source.relation is not None]
        for name in strings(node.using_clause):
            for relation in joined:
                self.use(column(relation, name))
        if node.is_natural:
            for relation in joined:
                self.use(relation, every=True)
        if node.HasField("quals"):
            self._node(unwrap(node.quals), scope)

    # -- writing --

    def _target(self, node: Node, scope: Scope) -> ObjectName:
        relation = self.reading.names.relation(node)
        self.use(relation)
        scope.sources.append(Source(node.alias.aliasname or node.relname, relation))
        return relation

    def _write(self, relation: ObjectName, columns: tuple[str, ...] | None) -> None:
        for name in columns or ():
            self.use(column(relation, name))
        if self.holder is None:
            self.reading.add(Verb.WRITE, relation, columns=columns)

    def _insert(self, node: Node, scope: Scope) -> None:
        self._with(node, scope)
        source = given(node, "select_stmt")
        if source is not None:
            self.query(source, scope)
        inside = Scope(scope)
        relation = self._target(node.relation, inside)
        self._write(relation, tuple(item.res_target.name for item in node.cols) or None)
        if node.HasField("on_conflict_clause"):
            inside.sources.append(Source("excluded", relation))
            clause = node.on_conflict_clause
            self._set(clause.target_list, relation, inside)
            self._below(clause.infer, inside)
            if clause.HasField("where_clause"):
                self._node(unwrap(clause.where_clause), inside)
        self._returning(node, inside)

    def _update(self, node: Node, scope: Scope) -> None:
        self._with(node, scope)
        relation = self._target(node.relation, scope)
        self._sources(node.from_clause, scope)
        columns = self._set(node.target_list, relation, scope)
        self._write(relation, columns)
        self._rest(node, scope)

    def _delete(self, node: Node, scope: Scope) -> None:
        self._with(node, scope)
        relation = self._target(node.relation, scope)
        self._sources(node.using_clause, scope)
        self._write(relation, ())
        self._rest(node, scope)

    def _merge(self, node: Node, scope: Scope) -> None:
        self._with(node, scope)
        relation = self._target(node.relation, scope)
        self._source(unwrap(node.source_relation), scope)
        self._node(unwrap(node.join_condition), scope)
        for item in node.merge_when_clauses:
            clause = item.merge_when_clause
            self._set(clause.target_list, relation, scope)
            self._all(clause.values, scope)
            if clause.HasField("condition"):
                self._node(unwrap(clause.condition), scope)
        self._write(relation, None)
        self._returning(node, scope)

    def _set(self, items: Iterable[Node], relation: ObjectName, scope: Scope) -> tuple[str, ...]:
        names = []
        for item in items:
            names.append(item.res_target.name)
            self.use(column(relation, item.res_target.name))
            value = given(item.res_target, "val")
            if value is not None:
                self._node(value, scope)
        return tuple(dict.fromkeys(names))

    def _rest(self, node: Node, scope: Scope) -> None:
        if node.HasField("where_clause"):
            self._node(unwrap(node.where_clause), scope)
        self._returning(node, scope)

    def _returning(self, node: Node, scope: Scope) -> None:
        fields = node.DESCRIPTOR.fields_by_name
        if "returning_clause" in fields and node.HasField("returning_clause"):
            self._targets(node.returning_clause.exprs, scope)
        elif "returning_list" in fields:
            self._targets(node.returning_list, scope)

    # -- expressions --

    def _column(self, node: Node, scope: Scope) -> None:
        words = strings(node.fields)
        if len(words) < len(node.fields):
            self._star(words, scope)
        elif len(words) == 1:
            self._bare_column(words[0], scope)
        else:
            schema = words[-3] if len(words) > 2 else None
            source = scope.source(words[-2], schema)
            if source is not None and source.relation is not None:
                self.use(column(source.relation, words[-1]))
            elif source is None and schema is not None:
                self.use(column(ObjectName(ObjectKind.RELATION, schema, words[-2]), words[-1]))

    def _bare_column(self, name: str, scope: Scope) -> None:
        if name in scope.outputs:
            return
        whole = scope.source(name)
        if whole is not None and whole.relation is not None:
            self.use(whole.relation, every=True)
            return
        owners = [column(relation, name) for relation in scope.owners_of(name)]
        if owners:
            self.use(owners[0], alternatives=tuple(owners[1:]))

    def _star(self, words: tuple[str, ...], scope: Scope) -> None:
        if words:
            source = scope.source(words[-1], words[-2] if len(words) > 1 else None)
            sources = [source] if source is not None else []
        else:
            sources = scope.sources
        for each in sources:
            if each.relation is not None:
                self.use(each.relation, every=True)

    def _function(self, node: Node, scope: Scope) -> None:
        words = strings(node.funcname)
        self.use(self.reading.names.named(ObjectKind.FUNCTION, words))
        if words[-1] in _TAKES_SEQUENCE and node.args:
            self._sequence(unwrap(node.args[0]))
        self._below(node, scope)

    def _sequence(self, node: Node) -> None:
        value = node.arg.a_const if name_of(node) == "TypeCast" and node.arg.HasField("a_const") else node
        if name_of(value) == "A_Const" and value.HasField("sval"):
            words = tuple(each.strip('"') for each in value.sval.sval.split("."))
            self.use(self.reading.names.named(ObjectKind.SEQUENCE, words))

    def _type(self, node: Node, scope: Scope) -> None:
        self.reading.use_type(node, self.holder)
        self._all(node.typmods, scope)

    def _cast(self, node: Node, scope: Scope) -> None:
        type_name = strings(node.type_name.names)
        literal = node.arg.a_const if node.arg.HasField("a_const") else None
        if type_name and type_name[-1] == "regclass" and literal is not None and literal.HasField("sval"):
            words = tuple(each.strip('"') for each in literal.sval.sval.split("."))
            sequence = self.reading.names.named(ObjectKind.SEQUENCE, words)
            self.use(self.reading.names.named(ObjectKind.RELATION, words), alternatives=(sequence,))
        elif literal is not None and literal.HasField("sval"):
            self._label(node.type_name, literal.sval.sval)
        self._below(node, scope)

    def _label(self, type_node: Node, value: str) -> None:
        words = strings(type_node.names)
        if words and not is_built_in(words):
            self.use(self.reading.names.named(ObjectKind.LABEL, words, value))

    _HANDLERS: ClassVar[dict[str, Callable[[QueryReader, Node, Scope], object]]] = {
        "SelectStmt": _subselect,
        "InsertStmt": _insert,
        "UpdateStmt": _update,
        "DeleteStmt": _delete,
        "MergeStmt": _merge,
        "RangeVar": _relation_source,
        "ColumnRef": _column,
        "FuncCall": _function,
        "TypeName": _type,
        "TypeCast": _cast,
    }


_TAKES_SEQUENCE = frozenset({"nextval", "currval", "setval"})
