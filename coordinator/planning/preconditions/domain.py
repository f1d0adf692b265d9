"""A domain becomes narrower: the values of every column that is of it must satisfy it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.model.precondition import PreconditionKind
from coordinator.model.question import Breaking, ColumnThen, NullIn
from coordinator.planning.preconditions.asking import columns_in
from coordinator.sql.nodes import strings, unwrap, word
from coordinator.sql.parser import expression_text

if TYPE_CHECKING:
    from coordinator.planning.preconditions.asking import Asking
    from coordinator.sql.tree import Node

_KIND = PreconditionKind.DOMAIN
_VALUE = "value"  # what a domain's constraints call the value


def alters_domain(asking: Asking, node: Node) -> None:
    """ALTER DOMAIN … ADD CONSTRAINT, SET NOT NULL or VALIDATE CONSTRAINT."""
    words = strings(node.type_name)
    domain = (words[-2] if len(words) > 1 else asking.names.schema, words[-1])
    if node.subtype == "O":
        _ask(asking, domain, "NOT NULL", None)
    elif node.subtype == "C":
        constraint = getattr(node, "def").constraint
        kind = word(constraint, "contype")
        if kind == "CONSTR_CHECK" and not constraint.skip_validation:
            _ask(asking, domain, f"CHECK {constraint.conname or '(unnamed)'}", constraint)
        elif kind == "CONSTR_NOTNULL":
            _ask(asking, domain, "NOT NULL", None)
    elif node.subtype == "V":
        known = asking.world.known.domain_check(domain, node.name)
        if known is not None and known.skip_validation:
            _ask(asking, domain, f"VALIDATE {node.name}", known)
    asking.world.types.add(domain)


def _ask(asking: Asking, domain: tuple[str, str], demand: str, constraint: Node | None) -> None:
    for key, name in asking.world.known.columns_of_domain(domain):
        table = asking.world.of_today(key)
        if table is None or table.empty:
            continue
        now = next((each for each, column in table.columns.items() if column.today == name), None)
        if now is None:
            continue
        what = f"{demand} of domain {'.'.join(domain)}, the type of {table}.{now}"
        doubt = asking.world.doubt(table, (now,))
        rows = table.rows((now,))
        if doubt:
            asking.ask(_KIND, what, None, doubt)
        elif constraint is None:
            asking.ask(_KIND, what, NullIn(rows=rows, columns=(now,), exactly=True))
        elif columns_in(constraint.raw_expr) not in ((_VALUE,), ()):
            asking.ask(_KIND, what, None, "it takes more than the value")
        else:
            value = replace(rows, columns=(ColumnThen(name=_VALUE, today=name),))
            condition = expression_text(unwrap(constraint.raw_expr))
            asking.ask(_KIND, what, Breaking(rows=value, condition=condition))
