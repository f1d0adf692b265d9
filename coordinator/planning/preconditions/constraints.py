"""Which kind of demand a constraint is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.planning.preconditions.asking import columns_in
from coordinator.planning.preconditions.check import adds_check
from coordinator.planning.preconditions.exclude import adds_exclusion
from coordinator.planning.preconditions.foreign_key import adds_foreign_key
from coordinator.planning.preconditions.not_null import becomes_mandatory
from coordinator.planning.preconditions.unique import adds_key
from coordinator.sql.constraints import generated_name
from coordinator.sql.nodes import strings, word

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.planning.preconditions.world import TableState
    from coordinator.sql.tree import Node

_SUFFIX = {"CONSTR_FOREIGN": "fkey", "CONSTR_CHECK": "check", "CONSTR_NOTNULL": "not_null"}


def adds_constraint(
    asking: Asking, table: TableState, node: Node, columns: tuple[str, ...] = (), *, only: bool = False
) -> None:
    """A constraint as it is added; one that is NOT VALID is remembered until it is validated."""
    if node.skip_validation and word(node, "contype") in _SUFFIX:
        table.unproved[_name(table, node, columns)] = node
    elif (
        word(node, "contype") not in _SUFFIX or node.is_enforced or word(node, "contype") == "CONSTR_NOTNULL"
    ):
        asks_constraint(asking, table, node, columns, only=only)


def asks_constraint(
    asking: Asking, table: TableState, node: Node, columns: tuple[str, ...] = (), *, only: bool = False
) -> None:
    """What it demands of rows; `columns` is the one that it stands behind."""
    match word(node, "contype"):
        case "CONSTR_CHECK":
            adds_check(asking, table, node, only=only)
        case "CONSTR_UNIQUE" | "CONSTR_PRIMARY":
            adds_key(asking, table, node, columns)
        case "CONSTR_FOREIGN":
            adds_foreign_key(asking, table, node, columns)
        case "CONSTR_EXCLUSION":
            adds_exclusion(asking, table, node)
        case "CONSTR_NOTNULL":
            becomes_mandatory(asking, table, strings(node.keys) or columns, only=only)
        case _:
            pass


def _name(table: TableState, node: Node, columns: tuple[str, ...]) -> str:
    """What it is called, also where PostgreSQL names it."""
    if node.conname:
        return str(node.conname)
    relation = ObjectName(ObjectKind.RELATION, table.schema, table.name)
    own = strings(node.keys) or strings(node.fk_attrs) or columns or _checked(node)
    return generated_name(relation, own, _SUFFIX[word(node, "contype")])


def _checked(node: Node) -> tuple[str, ...]:
    """The one column of a CHECK, which gives it its name; PostgreSQL takes none where there are several."""
    named = columns_in(node.raw_expr) if node.HasField("raw_expr") else None
    return named if named is not None and len(named) == 1 else ()
