"""Which relations, columns, functions and types a query uses, and what it writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import Holding
from coordinator.sql import references, writing
from coordinator.sql.namespace import column
from coordinator.sql.nodes import children, given, name_of, strings, unwrap
from coordinator.sql.outputs import output_name
from coordinator.sql.scope import Columns, Scope, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import ClassVar

    from coordinator.model.effect import ObjectName
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
            self.read_below(node, scope)
        return None

    def expression(self, node: Node, relation: ObjectName | None = None) -> None:
        """Read an expression over the columns of one relation (or of none)."""
        sources = [Source(relation.name, relation)] if relation else []
        self.read(node, Scope(sources=sources))

    def use(self, target: ObjectName, **details: object) -> None:
        """Note a use: a lasting one when there is a holder."""
        self.reading.use(target, self.holder, self.holding, **details)

    # -- walking --

    def read(self, node: Node, scope: Scope) -> None:
        """Read any node."""
        handler = self._HANDLERS.get(name_of(node))
        if handler is None:
            self.read_below(node, scope)
        else:
            handler(self, node, scope)

    def read_below(self, node: Node, scope: Scope) -> None:
        """Read what lies below a node that means nothing by itself."""
        for child in children(node):
            self.read(child, scope)

    def read_all(self, items: Iterable[Node], scope: Scope) -> None:
        """Read each of a list."""
        for item in items:
            inner = unwrap(item)
            if inner is not None:
                self.read(inner, scope)

    # -- queries --

    def _select(self, node: Node, scope: Scope) -> Columns:
        self.with_queries(node, scope)
        if node.HasField("larg"):
            columns = self._select(node.larg, Scope(scope))
            self._select(node.rarg, Scope(scope))
            self.read_all(node.sort_clause, Scope(scope, outputs=frozenset(columns or ())))
            return columns
        self.sources(node.from_clause, scope)
        columns = self.targets(node.target_list, scope)
        if node.values_lists:
            width = len(node.values_lists[0].list.items)
            columns = tuple(f"column{number}" for number in range(1, width + 1))
        for part in ("where_clause", "having_clause", "limit_count", "limit_offset"):
            inner = given(node, part)
            if inner is not None:
                self.read(inner, scope)
        for items in (node.values_lists, node.distinct_clause, node.window_clause):
            self.read_all(items, scope)
        scope.outputs = frozenset(columns or ())
        self.read_all(node.group_clause, scope)
        self.read_all(node.sort_clause, scope)
        return columns

    def _subselect(self, node: Node, scope: Scope) -> None:
        self._select(node, Scope(scope))

    def with_queries(self, node: Node, scope: Scope) -> None:
        """Read the queries of a WITH; their names hide tables from here on."""
        if not node.HasField("with_clause"):
            return
        for item in node.with_clause.ctes:
            named = item.common_table_expr
            given_columns = strings(named.aliascolnames) or None
            if node.with_clause.recursive:
                scope.named_queries[named.ctename] = given_columns
            columns = self.query(unwrap(named.ctequery), scope)
            scope.named_queries[named.ctename] = given_columns or columns

    def targets(self, items: Iterable[Node], scope: Scope) -> Columns:
        """Read the columns of a result; give their names where all are known."""
        names: list[str] | None = []
        for item in items:
            target = item.res_target
            value = given(target, "val")
            if value is None:
                continue
            self.read(value, scope)
            name = target.name or output_name(value)
            names = None if name is None or names is None else [*names, name]
        return None if names is None else tuple(names)

    # -- sources --

    def sources(self, items: Iterable[Node], scope: Scope) -> None:
        """Read the items of a FROM."""
        for item in items:
            inner = unwrap(item)
            if inner is not None:
                self.source(inner, scope)

    def source(self, node: Node, scope: Scope) -> None:
        """Read one item of a FROM and let the scope know it."""
        kind = name_of(node)
        if kind == "RangeVar":
            self._relation_source(node, scope)
        elif kind == "JoinExpr":
            self._join(node, scope)
        elif kind == "RangeSubselect":
            columns = self.query(unwrap(node.subquery), scope)
            scope.sources.append(Source(node.alias.aliasname, None, strings(node.alias.colnames) or columns))
        elif kind == "RangeTableSample":
            self.source(unwrap(node.relation), scope)
            self.read_all(node.args, scope)
        else:
            self.read_below(node, scope)
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
        self.source(unwrap(node.larg), scope)
        self.source(unwrap(node.rarg), scope)
        joined = [source.relation for source in scope.sources[before:] if source.relation is not None]
        for name in strings(node.using_clause):
            for relation in joined:
                self.use(column(relation, name))
        if node.is_natural:
            for relation in joined:
                self.use(relation, every=True)
        if node.HasField("quals"):
            self.read(unwrap(node.quals), scope)

    _HANDLERS: ClassVar[dict[str, Callable[[QueryReader, Node, Scope], object]]] = {
        "SelectStmt": _subselect,
        "InsertStmt": writing.insert,
        "UpdateStmt": writing.update,
        "DeleteStmt": writing.delete,
        "MergeStmt": writing.merge,
        "RangeVar": _relation_source,
        "ColumnRef": references.column_reference,
        "FuncCall": references.function_call,
        "TypeName": references.type_name,
        "TypeCast": references.cast,
    }
