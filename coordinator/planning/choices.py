"""From the versions to the edges: those that are certain, and the choices that are left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import Effect, Verb
from coordinator.model.names import RevisionKey
from coordinator.planning.bindings import (
    LAST,
    Broken,
    Choice,
    Edge,
    Option,
    Wanted,
    edges_of,
    is_ever_possible,
    lasting_edges,
    options_of,
)
from coordinator.planning.findings import breaks, came_too_late
from coordinator.planning.versions import Point, Use

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coordinator.model.effect import LastingUse, ObjectName
    from coordinator.model.finding import Finding
    from coordinator.planning.situation import Situation
    from coordinator.planning.versions import Version


@dataclass(slots=True)
class Choices:
    """Edges that hold whatever is chosen, the choices, and what is wrong already."""

    edges: list[Edge] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    broken: list[Broken] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def choices_of(situation: Situation, lasting: Sequence[LastingUse]) -> Choices:
    """What the uses of all revisions ask of the order."""
    result = Choices()
    held: set[tuple[ObjectName, ObjectName]] = set()
    for name in sorted(situation.history.modules):
        module = situation.history.modules[name]
        pending: dict[RevisionKey, tuple[list[Use], list[Use]]] = {}
        for use in module.uses:
            if situation.is_pending(use.point.key):
                pending.setdefault(use.point.key, ([], []))[0].append(use)
            elif use.holder is not None and situation.is_applied(use.point.key):
                held.add((use.holder, use.object))
                _applied_hold(result, use, situation)
        for write in module.writes:
            if situation.is_pending(write.point.key):
                pending.setdefault(write.point.key, ([], []))[1].append(write)
        for key, (uses, writes) in pending.items():
            _pending_revision(result, key, uses, writes, situation)
    for one in sorted(lasting, key=lambda each: (each.holder.sorting, each.used.sorting)):
        if (one.holder, one.used) not in held:
            _applied_hold(result, _catalog_use(one, situation), situation)
    result.findings.extend(breaks(each, situation) for each in result.broken)
    return result


def _applied_hold(result: Choices, use: Use, situation: Situation) -> None:
    """A holder that is in the database already: it holds what is there now."""
    if use.release is not None and situation.is_applied(use.release.key):
        return
    version = use.local
    while version is not None and version.end is not None and situation.is_applied(version.end.key):
        version = version.next
    known = situation.history.known((use.object, *use.effect.alternatives))
    if version is None and known is not None:
        version = situation.current(known)
    if version is not None:
        result.edges.extend(lasting_edges(use, version, situation, result.broken))


def _catalog_use(one: LastingUse, situation: Situation) -> Use:
    names = dict.fromkeys((one.holder, one.holder.relation))  # a trigger goes with its table as well
    releases = [
        point
        for name in sorted(situation.history.modules)
        for holder in names
        for point in situation.history.modules[name].releases.get(holder, ())
        if situation.is_pending(point.key)
    ]
    effect = Effect(verb=Verb.HOLD, object=one.used, holder=one.holder, holding=one.holding)
    point = Point(RevisionKey("the database", "now"), 0, 0)
    return Use(effect=effect, point=point, release=releases[0] if releases else None)


def _pending_revision(
    result: Choices, key: RevisionKey, uses: Iterable[Use], writes: Iterable[Use], situation: Situation
) -> None:
    wanted: dict[str, Wanted] = {}
    shared: dict[ObjectName, list[Use]] = {}
    for use in uses:
        if use.local is not None:
            _own_use(result, use, use.local, situation)
            continue
        name = situation.history.known((use.object, *use.effect.alternatives))
        if name is None:
            continue
        versions = situation.history.versions[name]
        homes = {point.key.module for each in versions for point in (each.begin, each.end) if point}
        if homes == {key.module}:
            _before_own_end(result, use, versions, situation)
        elif len(homes) > 1:
            shared.setdefault(name, []).append(use)
        else:
            _want(wanted, key, homes.pop(), use, versions, situation)
    for write in writes:
        _want_write(result, wanted, key, write, situation)
    for module in sorted(wanted):
        _choose(result, wanted[module], situation)
    for name in sorted(shared, key=lambda each: each.sorting):
        _choose_shared(result, key, name, shared[name], situation)


def _own_use(result: Choices, use: Use, version: Version, situation: Situation) -> None:
    """A use of what the revision's own module has made: a plain chain orders it already, others must be told."""
    chained = use.point.key.module in situation.linear and not version.is_foreign_end
    if not chained:
        result.edges.extend(edges_of(use, version, situation))
    result.edges.extend(lasting_edges(use, version, situation, result.broken))


def _before_own_end(result: Choices, use: Use, versions: Iterable[Version], situation: Situation) -> None:
    """A use of what was there before the first revision and what its own module ends later."""
    for version in versions:
        if version.begin is None and version.end is not None and version.end.position >= use.point.position:
            _own_use(result, use, version, situation)
            return


def _want(
    wanted: dict[str, Wanted],
    key: RevisionKey,
    module: str,
    use: Use,
    versions: tuple[Version, ...],
    situation: Situation,
) -> None:
    one = wanted.setdefault(module, Wanted(key, module, [], [], []))
    if use.effect.every:
        columns = situation.history.columns.get((use.object.schema, use.object.name), ())
        one.wholes.append(
            (use, tuple(each for each in columns if each.home == module and not each.is_foreign_end))
        )
    else:
        one.uses.append((use, versions))


def _want_write(
    result: Choices, wanted: dict[str, Wanted], key: RevisionKey, write: Use, situation: Situation
) -> None:
    """Rows are written before a pending step tightens the table, or else as that step wants them."""
    by_module: dict[str, list[tuple[Point, tuple[str, ...]]]] = {}
    for point, effect in situation.history.tightenings(write.object):
        if point.key != key and situation.is_pending(point.key):
            by_module.setdefault(point.key.module, []).append((point, effect.columns or ()))
    for module, points in by_module.items():
        if module in wanted:
            wanted[module].writes.append((write, points))
        elif module != key.module:
            told = [situation.sentences.writes_before(write, point, columns) for point, columns in points]
            result.edges.extend(Edge(each, soft=True) for each in told)


def _choose(result: Choices, wanted: Wanted, situation: Situation) -> None:
    options = options_of(wanted, situation)
    if options:
        # What breaks nothing is the likelier; the order of time stays within each half.
        ordered = sorted(options, key=lambda each: any(not one.use.is_late for one in each.broken))
        result.choices.append(Choice(wanted.key, wanted.module, tuple(ordered)))
    elif is_ever_possible(wanted):
        result.findings.append(came_too_late(wanted, situation))
    else:
        for use, versions in wanted.uses:
            _choose_one(result, wanted.key, [use], versions, situation)


def _choose_shared(
    result: Choices, key: RevisionKey, name: ObjectName, uses: list[Use], situation: Situation
) -> None:
    """An object that several modules make and end: each of its versions is an option."""
    _choose_one(result, key, uses, situation.history.versions[name], situation)


def _choose_one(
    result: Choices, key: RevisionKey, uses: list[Use], versions: Iterable[Version], situation: Situation
) -> None:
    options = []
    for version in versions:
        if version.end is not None and situation.is_applied(version.end.key):
            continue
        edges: list[Edge] = []
        broken: list[Broken] = []
        for use in uses:
            edges.extend(edges_of(use, version, situation))
            edges.extend(lasting_edges(use, version, situation, broken))
        bound = tuple((use, version) for use in uses)
        options.append(Option(tuple(edges), tuple(broken), 0, LAST, bound))
    if options:
        result.choices.append(Choice(key, str(uses[0].object), tuple(options)))
