"""Partitions: rows of one that is attached must lie within its bound, rows of the default one outside of a new bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import Breaking, Meeting
from coordinator.planning.preconditions.asking import columns_in
from coordinator.sql.nodes import name_of, strings, unwrap
from coordinator.sql.parser import expression_text, quoted_name

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.known import PartitionKey
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.PARTITION
_ENDS = frozenset({"minvalue", "maxvalue"})


def attaches(asking: Asking, parent: TableState, command: Node) -> None:
    """ATTACH PARTITION."""
    partition = asking.table(command.name)
    key = None if parent.today is None else asking.world.known.partition_key(parent.today)
    within = None if key is None else within_bound(key, command.bound)
    if partition is not None:
        _ask_of_partition(asking, parent, partition, within)
    if not command.bound.is_default:
        asks_default(asking, parent, within, f"{command.name.relname} of {parent}")


def _ask_of_partition(asking: Asking, parent: TableState, partition: TableState, within: str | None) -> None:
    what = f"the bound of {partition} as a partition of {parent}"
    if within is None:
        asking.ask(_KIND, what, None, "how its rows are told apart is not known")
        return
    doubt = asking.world.doubt(partition, None)
    question = (
        None if doubt else Breaking(rows=partition.rows(partition.columns), condition=within, strictly=True)
    )
    asking.ask(_KIND, what, question, doubt)


def asks_default(asking: Asking, parent: TableState, within: str | None, name: str) -> None:
    """A new bound: the default partition may have no row that belongs there."""
    default = None if parent.today is None else asking.world.known.default_partition(parent.today)
    state = None if default is None else asking.world.of_today(default)
    if state is None or state.empty:
        return
    what = f"the default partition {state} beside the new partition {name}"
    doubt = asking.world.doubt(state, None)
    if within is None:
        doubt = doubt or "which rows belong in the new one is not known"
    question = None if doubt or within is None else Meeting(rows=state.rows(state.columns), condition=within)
    asking.ask(_KIND, what, question, doubt)


def within_bound(key: PartitionKey, bound: Node) -> str | None:
    """The condition of rows that belong in the partition, or None where it is not known."""
    if bound.is_default or not key.columns or key.strategy != bound.strategy:
        return None
    if bound.strategy == "l" and len(key.columns) == 1:
        return _list_bound(quoted_name(key.columns[0]), [unwrap(each) for each in bound.listdatums])
    if bound.strategy == "r":
        lower = [unwrap(each) for each in bound.lowerdatums]
        upper = [unwrap(each) for each in bound.upperdatums]
        return _range_bound(tuple(quoted_name(each) for each in key.columns), lower, upper)
    return None


def _list_bound(name: str, values: list[Node]) -> str | None:
    if any(columns_in(each) != () for each in values):
        return None
    real = [expression_text(each) for each in values if not _is_null(each)]
    parts = [f"{name} IN ({', '.join(real)})"] if real else []
    if len(real) < len(values):
        parts.append(f"{name} IS NULL")
    return " OR ".join(parts)


def _range_bound(names: tuple[str, ...], lower: list[Node], upper: list[Node]) -> str | None:
    parts = [f"{name} IS NOT NULL" for name in names]
    for datums, operator in ((lower, ">="), (upper, "<")):
        ends = [_is_end(each) for each in datums]
        if all(ends):
            continue
        if any(ends) or any(columns_in(each) != () for each in datums):
            return None
        values = ", ".join(expression_text(each) for each in datums)
        left = names[0] if len(names) == 1 else f"ROW({', '.join(names)})"
        parts.append(f"{left} {operator} {values if len(names) == 1 else f'ROW({values})'}")
    return " AND ".join(parts)


def _is_null(node: Node) -> bool:
    return name_of(node) == "A_Const" and bool(node.isnull)


def _is_end(node: Node) -> bool:
    return name_of(node) == "ColumnRef" and not _ENDS.isdisjoint(strings(node.fields)[-1:])
