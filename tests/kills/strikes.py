"""What can happen to a command at a point, besides nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.kills.watch import kill

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.kills.points import Point


def strike_named(name: str, request: Mapping[str, Any]) -> Callable[[Point, Any], None]:
    """The strike of that name."""
    strikes: dict[str, Callable[[Point, Any], None]] = {"kill": kill}
    return strikes[name]
