"""Which functions a command calls, and with how many arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind
from coordinator.sql.nodes import children, name_of, unwrap

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from coordinator.model.effect import ObjectName
    from coordinator.model.known_objects import KnownObjects
    from coordinator.sql.namespace import Namespace
    from coordinator.sql.tree import Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function as it is called. `arguments` are the types of what it is given ("": not known); None: not how many."""

    function: ObjectName
    arguments: tuple[str, ...] | None


def calls_in(node: Node, names: Namespace) -> Iterator[Call]:
    """Every call in a command; a trigger calls its function with nothing."""
    kind = name_of(node)
    if kind == "CreateTrigStmt":
        yield Call(names.listed(ObjectKind.FUNCTION, node.funcname), ())
    elif kind == "CallStmt":  # OUT parameters count in it, which others leave out
        yield Call(names.listed(ObjectKind.FUNCTION, node.funccall.funcname), None)
        for item in node.funccall.args:
            yield from calls_in(unwrap(item), names)
        return
    elif kind == "FuncCall":
        several = node.func_variadic or node.agg_star
        yield Call(
            names.listed(ObjectKind.FUNCTION, node.funcname), None if several else ("",) * len(node.args)
        )
    for child in children(node):
        yield from calls_in(child, names)


def given_to(
    calls: Iterable[Call], known: KnownObjects, path: Sequence[str]
) -> Mapping[ObjectName, tuple[tuple[str, ...] | None, ...]]:
    """With what each function is called, each way once; `path` are the schemas of unqualified names."""
    found: dict[ObjectName, dict[tuple[str, ...] | None, None]] = {}
    for call in calls:
        function = known.home(call.function, path)
        if function is not None:
            found.setdefault(function, {})[call.arguments] = None
    return {function: tuple(ways) for function, ways in found.items()}
