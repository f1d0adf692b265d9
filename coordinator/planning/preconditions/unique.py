"""Values become unique: by UNIQUE, a primary key or a unique index, over columns or expressions, of all rows or some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import Duplicates, Term
from coordinator.planning.preconditions.asking import columns_in
from coordinator.planning.preconditions.not_null import becomes_mandatory
from coordinator.sql.nodes import given, strings, word
from coordinator.sql.parser import expression_text

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.UNIQUE
# Operator classes that sort otherwise and compare for equality as the type itself does.
_SAME_EQUALITY = frozenset({"text_pattern_ops", "varchar_pattern_ops", "bpchar_pattern_ops"})


def adds_key(asking: Asking, table: TableState, node: Node, columns: tuple[str, ...] = ()) -> None:
    """UNIQUE or PRIMARY KEY; `columns` is the one that it stands behind."""
    primary = word(node, "contype") == "CONSTR_PRIMARY"
    names = strings(node.keys) or columns
    if node.indexname:  # the index is there already, and unique
        known = None if table.today is None else asking.world.known.index_columns(table.today, node.indexname)
        if primary and known:
            becomes_mandatory(asking, table, known)
        return
    if primary:
        becomes_mandatory(asking, table, names)
    what = f"{'PRIMARY KEY' if primary else 'UNIQUE'} ({', '.join(names)}) on {table}"
    if node.without_overlaps:
        asking.ask(_KIND, what, None, "its last column may not overlap, which is not asked for")
        return
    terms = tuple(Term(column=name) for name in names)
    _ask(asking, table, what, terms, names, nulls_distinct=primary or not node.nulls_not_distinct)


def adds_index(asking: Asking, table: TableState, node: Node) -> None:
    """CREATE UNIQUE INDEX; over a partitioned table alone it indexes no row."""
    there = node.if_not_exists and asking.world.has_index(table.schema, node.idxname)
    if there or (table.partitioned and not node.relation.inh):
        return
    what = f"unique index {node.idxname or '(unnamed)'} on {table}"
    terms = tuple(term_of(each.index_elem) for each in node.index_params)
    odd = [each for item in node.index_params for each in strings(item.index_elem.opclass)[-1:]]
    where = given(node, "where_clause")
    names: list[str] = []
    for expression in [*(_expression(item.index_elem) for item in node.index_params), where]:
        found = () if expression is None else columns_in(expression)
        if found is None:
            asking.ask(_KIND, what, None, "it takes whole rows")
            return
        names.extend(found)
    names.extend(each.column for each in terms if each.column)
    if not set(odd) <= _SAME_EQUALITY:
        asking.ask(_KIND, what, None, f"the operator class {odd[0]} may have an equality of its own")
        return
    _ask(
        asking,
        table,
        what,
        terms,
        tuple(dict.fromkeys(names)),
        where="" if where is None else expression_text(where),
        nulls_distinct=not node.nulls_not_distinct,
    )


def term_of(element: Node) -> Term:
    """One column or expression of an index."""
    expression = _expression(element)
    return Term(
        column=element.name,
        expression="" if expression is None else expression_text(expression),
        collation=strings(element.collation),
    )


def _expression(element: Node) -> Node | None:
    return given(element, "expr")


def _ask(
    asking: Asking,
    table: TableState,
    what: str,
    terms: tuple[Term, ...],
    columns: tuple[str, ...],
    *,
    where: str = "",
    nulls_distinct: bool = True,
) -> None:
    doubt = asking.world.doubt(table, columns)
    if doubt:
        asking.ask(_KIND, what, None, doubt)
        return
    rows = table.rows(columns, only=True)
    question = Duplicates(rows=rows, terms=terms, where=where, nulls_distinct=nulls_distinct)
    asking.ask(_KIND, what, question)
