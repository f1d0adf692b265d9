"""Which revisions must come before which, answered at once for any pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coordinator.model.names import RevisionKey


class Reach:
    """All ancestors of every revision, one bit for each, so that thousands of questions cost little.

    Revisions on a cycle, and those behind one, have no complete answer; `complete` is false then.
    """

    def __init__(
        self, nodes: Sequence[RevisionKey], edges: Iterable[tuple[RevisionKey, RevisionKey]]
    ) -> None:
        self._bit = {key: 1 << number for number, key in enumerate(nodes)}
        after: dict[RevisionKey, list[RevisionKey]] = {key: [] for key in nodes}
        waiting = dict.fromkeys(nodes, 0)
        for first, second in dict.fromkeys(edges):
            if first in after and second in after and first != second:
                after[first].append(second)
                waiting[second] += 1
        self._ancestors = dict.fromkeys(nodes, 0)
        free = [key for key in nodes if not waiting[key]]
        done = 0
        while free:
            key = free.pop()
            done += 1
            mine = self._ancestors[key] | self._bit[key]
            for later in after[key]:
                self._ancestors[later] |= mine
                waiting[later] -= 1
                if not waiting[later]:
                    free.append(later)
        self.complete = done == len(nodes)

    def is_before(self, first: RevisionKey, second: RevisionKey) -> bool:
        """Whether `first` must come before `second`."""
        return bool(self._ancestors.get(second, 0) & self._bit.get(first, 0))
