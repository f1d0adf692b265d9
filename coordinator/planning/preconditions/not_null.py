"""A column becomes mandatory: no row may be without a value in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import AnyRow, Meeting, NullIn
from coordinator.planning.preconditions.asking import columns_in
from coordinator.planning.preconditions.world import NO_VALUE
from coordinator.sql.nodes import unwrap, word
from coordinator.sql.parser import expression_text

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.NOT_NULL


def becomes_mandatory(
    asking: Asking, table: TableState, names: tuple[str, ...], *, only: bool = False
) -> None:
    """Columns that are there, of which rows may have none yet."""
    wanted = tuple(name for name in names if not _has_values(asking, table, name))
    if not wanted:
        return
    what = f"NOT NULL on {table}.{', '.join(wanted)}"
    doubt = asking.world.doubt(table, wanted, types_matter=False)
    if doubt:
        asking.ask(_KIND, what, None, doubt)
    elif any(table.columns[name].fill == NO_VALUE for name in wanted):
        asking.ask(_KIND, what, AnyRow(rows=table.rows((), only=only)))
    else:
        asking.ask(
            _KIND,
            what,
            NullIn(rows=table.rows(wanted, only=only), columns=wanted, exactly=_exactly(table, wanted)),
        )


def _has_values(asking: Asking, table: TableState, name: str) -> bool:
    """Whether the column has a value in every row, or has one put back in every row before it becomes mandatory."""
    column = table.columns.get(name)
    return column is not None and (column.not_null or (column.today is None and _filled(asking, table, name)))


def _filled(asking: Asking, table: TableState, name: str) -> bool:
    """Whether its values come back from a copy; rows that have none there are looked for by whoever does it."""
    return table.today is not None and (*table.today, name) in asking.filled


def _exactly(table: TableState, names: tuple[str, ...]) -> bool:
    """Whether one of the columns may be of a row type: the server prints PostgreSQL's own without a schema."""
    return any("." in table.columns[name].type for name in names)


def comes_mandatory(asking: Asking, table: TableState, definition: Node) -> None:
    """A new column without a default: no row can have a value in it."""
    name = definition.colname
    if _filled(asking, table, name):
        return
    column = table.columns[name]
    computed = _computed(definition)
    if computed is not None and _is_mandatory(definition):
        _comes_computed(asking, table, name, computed)
        return
    made = asking.made_type(definition.type_name)
    if not _is_mandatory(definition) and not _is_mandatory_type(asking, definition):
        return
    if column.fill != NO_VALUE and (column.fill or not made):
        return
    what = f"NOT NULL on the new column {table}.{name}"
    doubt = asking.world.doubt(table, ()) or ("its type is made first" if made else "")
    asking.ask(_KIND, what, None if doubt else AnyRow(rows=table.rows(())), doubt)


def _computed(definition: Node) -> Node | None:
    """The expression that a generated column has its values by; None for any other column."""
    expressions = (
        unwrap(unwrap(each).raw_expr)
        for each in definition.constraints
        if word(unwrap(each), "contype") == "CONSTR_GENERATED"
    )
    return next(expressions, None)


def _comes_computed(asking: Asking, table: TableState, name: str, expression: Node) -> None:
    """A generated column: every row gets its value at once, and it may be none."""
    what = f"NOT NULL on the new column {table}.{name}"
    columns = columns_in(expression)
    doubt = "it takes whole rows" if columns is None else asking.world.doubt(table, columns)
    condition = f"({expression_text(expression)}) IS NULL"
    question = None if doubt else Meeting(rows=table.rows(columns or ()), condition=condition)
    asking.ask(_KIND, what, question, doubt)


def _is_mandatory_type(asking: Asking, definition: Node) -> bool:
    domain = asking.domain(definition.type_name)
    return domain is not None and domain.not_null


def _is_mandatory(definition: Node) -> bool:
    return any(
        word(unwrap(each), "contype") in {"CONSTR_NOTNULL", "CONSTR_PRIMARY"}
        for each in definition.constraints
    )
