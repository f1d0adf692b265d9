"""What a plan's steps would destroy on the target and whether it would be kept, as people read it and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from coordinator.model.kept import AtStake
from coordinator.model.names import RevisionKey
from coordinator.model.sizes import format_size
from coordinator.reports.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

Stakes = Mapping[RevisionKey, tuple[AtStake, ...]]
NO_STAKES: Stakes = MappingProxyType({})


def stakes_told(stakes: tuple[AtStake, ...]) -> Iterator[tuple[str, bool]]:
    """One line for each thing that a step destroys, and whether it is kept and can be put back. Empty tables go."""
    for each in stakes:
        if each.size and each.not_kept:
            yield one_line(f"destroys {each.loss} ({each.not_kept})"), False
        elif each.size:
            yield one_line(f"keeps {each.loss}, about {format_size(each.size)}"), True


def stakes_as_json(stakes: Stakes) -> list[dict[str, object]]:
    """The same for machines, in the order of the steps; `bytes` is an estimate, `notKept` the reason or null."""
    return [_as_json(each) for found in stakes.values() for each in found if each.size]


def _as_json(each: AtStake) -> dict[str, object]:
    return {
        "module": each.key.module,
        "revision": each.key.revision,
        "kind": each.loss.kind.value,
        "table": f"{each.loss.schema}.{each.loss.table}",
        "columns": list(each.loss.columns),
        "bytes": each.size,
        "notKept": each.not_kept or None,
    }
