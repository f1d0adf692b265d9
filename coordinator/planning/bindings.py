"""Which version each use means: the ways in which a revision can stand in another module's time.

A revision runs at one moment, so all it uses of another module it uses as that module is then. The moments
between which nothing changes for it are its options: for each, which revisions go before and which after.

    one:   a1 ------- a2 ------- a3          two:b1 reads column c of one.t
         c begins   c ends    c begins
             |-----------|         |----     two options: between a1 and a2, or after a3
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from coordinator.planning.fit import types_fit
from coordinator.planning.versions import is_broken_by

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency
    from coordinator.planning.situation import Situation
    from coordinator.planning.versions import Point, Use, Version

LAST = 1 << 60  # a position behind every tree's end


@dataclass(frozen=True, slots=True)
class Edge:
    """A dependency; a soft one gives way when it would close a cycle."""

    dependency: Dependency
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """A lasting use that nothing releases before its version ends."""

    use: Use
    version: Version


@dataclass(frozen=True, slots=True)
class Option:
    """One way to bind a revision's uses: the edges it gives, what it breaks, and the moments it stands for."""

    edges: tuple[Edge, ...]
    broken: tuple[Broken, ...] = ()
    first: int = 0
    last: int = LAST
    bound: tuple[tuple[Use, Version], ...] = ()


@dataclass(frozen=True, slots=True)
class Choice:
    """The options of one revision towards one module (or one object that several modules shape)."""

    key: RevisionKey
    toward: str
    options: tuple[Option, ...]


@dataclass(slots=True)
class Wanted:
    """What one revision uses of one module: uses with the versions they can mean, and rows it writes."""

    key: RevisionKey
    module: str
    uses: list[tuple[Use, tuple[Version, ...]]]
    wholes: list[tuple[Use, tuple[Version, ...]]]  # all columns of a relation
    writes: list[tuple[Use, list[tuple[Point, tuple[str, ...]]]]]  # with where the table is tightened


def options_of(wanted: Wanted, situation: Situation) -> tuple[Option, ...]:
    """The options in the order of time, those that are already past left out; () when none is possible.

    A function's body may name what is not there (nobody looks before it runs), so such uses choose among the
    moments but exclude none: the moments at which most of them mean something are taken.
    """
    found = []
    for first, last in _moments(wanted):
        if situation.is_past(wanted.module, last):
            continue
        bound = _bind(wanted, first, last)
        if bound is not None:
            found.append(_option(wanted, situation, first, last, bound))
    most = max((len(_late(each)) for each in found), default=0)
    return tuple(each for each in found if len(_late(each)) == most)


def _late(option: Option) -> tuple[Use, ...]:
    return tuple(use for use, _ in option.bound if use.is_late)


def is_ever_possible(wanted: Wanted) -> bool:
    """Whether there was any moment, past or future, at which all these uses are possible together."""
    return any(_bind(wanted, first, last) is not None for first, last in _moments(wanted))


def _moments(wanted: Wanted) -> Iterator[tuple[int, int]]:
    """Stretches of the module's time in which nothing changes for this revision, as (first, last) positions.

    Position n is the moment before the module's revision number n (from 0) runs.
    """
    cuts: set[int] = set()
    for _, versions in (*wanted.uses, *wanted.wholes):
        for version in versions:
            cuts.update(point.position for point in (version.begin, version.end) if point is not None)
    for _, points in wanted.writes:
        cuts.update(point.position for point, _ in points)
    borders = [-1, *sorted(cuts), LAST]
    for before, after in pairwise(borders):
        yield before + 1, after


def _bind(wanted: Wanted, first: int, last: int) -> tuple[tuple[Use, Version], ...] | None:
    """The version that each use means in that stretch; None when one of them has none there."""
    bound: list[tuple[Use, Version]] = []
    for use, versions in wanted.uses:
        version = next((each for each in versions if is_alive(each, first, last)), None)
        if version is None or not types_fit(use, version):
            if use.is_late:
                continue
            return None
        bound.append((use, version))
    for use, versions in wanted.wholes:
        bound.extend((use, version) for version in versions if is_alive(version, first, last))
    return tuple(bound)


def is_alive(version: Version, first: int, last: int) -> bool:
    """Whether the version is there during the whole stretch."""
    begins = version.begin.position + 1 if version.begin else 0
    ends = version.end.position if version.end else LAST
    return begins <= first and last <= ends


def _option(
    wanted: Wanted, situation: Situation, first: int, last: int, bound: tuple[tuple[Use, Version], ...]
) -> Option:
    edges: list[Edge] = []
    broken: list[Broken] = []
    # Parts before wholes: of two reasons for the same edge the first is told, and a column says more than its table.
    for use, version in sorted(bound, key=lambda each: not each[1].object.part):
        edges.extend(edges_of(use, version, situation))
        edges.extend(lasting_edges(use, version, situation, broken))
    for use, versions in wanted.wholes:
        edges.extend(_shape_edges(use, versions, first, situation))
    for use, points in wanted.writes:
        edges.extend(_write_edges(use, points, first, situation))
    return Option(edges=tuple(edges), broken=tuple(broken), first=first, last=last, bound=bound)


def edges_of(use: Use, version: Version, situation: Situation) -> Iterator[Edge]:
    """`begin(v) → use → end(v)`, as far as both are still to come."""
    own = use.point.key
    say = situation.sentences
    if version.begin is not None and version.begin.key != own and situation.is_pending(version.begin.key):
        yield Edge(say.uses(use, version), soft=use.is_late)
    if version.end is not None and version.end.key != own and situation.is_pending(version.end.key):
        yield Edge(say.ends(use, version), soft=use.is_late)


def lasting_edges(use: Use, version: Version, situation: Situation, broken: list[Broken]) -> Iterator[Edge]:
    """`release → end(v)` for the end that the holder cannot live with; what nothing releases goes to `broken`."""
    holder = use.holder
    current: Version | None = version
    while holder is not None and current is not None and current.end is not None:
        end = current.end.key
        if not is_broken_by(holder, use.effect.holding, current):
            current = current.next
            continue
        if situation.is_pending(end):
            if use.release is None:
                broken.append(Broken(use, current))
            elif use.release.key != end and situation.is_pending(use.release.key):
                yield Edge(situation.sentences.releases(use, current))
        return


def _shape_edges(use: Use, versions: tuple[Version, ...], first: int, situation: Situation) -> Iterator[Edge]:
    for version in versions:
        for point in (version.begin, version.end):
            if point is None or point.key == use.point.key or not situation.is_pending(point.key):
                continue
            told = situation.sentences.whole_shape(use, point, version, after=point.position < first)
            yield Edge(told)


def _write_edges(
    use: Use, points: list[tuple[Point, tuple[str, ...]]], first: int, situation: Situation
) -> Iterator[Edge]:
    for point, columns in points:
        if point.position < first:
            yield Edge(situation.sentences.writes_after(use, point, columns))
        else:
            yield Edge(situation.sentences.writes_before(use, point, columns))
