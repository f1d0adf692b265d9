"""Which of the functions of one name is meant. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.impact.types import same_type

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coordinator.model.overload import Overload


def same_arguments(one: Sequence[str], other: Sequence[str]) -> bool:
    """Whether both are the same types in the same order."""
    return len(one) == len(other) and all(map(same_type, one, other))


def is_one_of(overload: Overload, named: Iterable[Sequence[str]]) -> bool:
    """Whether the function is one of those that are named by their arguments."""
    return any(same_arguments(overload.arguments, each) for each in named)


def takes(overload: Overload, given: Sequence[str] | None) -> bool:
    """Whether it can be called with so many arguments; None: how many is not known."""
    if given is None:
        return True
    return overload.needed <= len(given) and (overload.variadic or len(given) <= len(overload.arguments))


def meant_by(overloads: Iterable[Overload], given: Sequence[str] | None) -> tuple[Overload, ...]:
    """Those that a call may mean: the one with just these types, else all that take so many."""
    able = tuple(each for each in overloads if takes(each, given))
    exact = tuple(each for each in able if given is not None and same_arguments(each.arguments, given))
    return exact or able


def goes_on_as(before: Overload, after: Overload) -> bool:
    """Whether every call of the first is one of the second: what that takes more has a default."""
    count = len(before.arguments)
    return (
        same_arguments(before.arguments, after.arguments[:count])
        and after.needed <= before.needed
        and (before.variadic, before.result) == (after.variadic, after.result)
    )
