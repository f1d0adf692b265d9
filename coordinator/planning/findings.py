"""What the planner finds wrong, or worth saying, each with its place and a way out."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from coordinator.model.effect import Holding
from coordinator.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Dependency
    from coordinator.planning.bindings import Broken, Choice, Wanted
    from coordinator.planning.situation import Situation
    from coordinator.planning.versions import Use, Version


def breaks(broken: Broken, situation: Situation) -> Finding:
    """A version ends while something still holds it."""
    use, version = broken.use, broken.version
    assert version.end is not None
    assert use.holder is not None
    end, say = version.end.key, situation.sentences
    verb = version.ended_by.value if version.ended_by else "ends"
    owner = _owner(use, situation)
    absent = owner in situation.absent
    # PostgreSQL refuses the first kind; a function's body it does not look at, so the rehearsal decides. Of a module
    # that is not here no rehearsal can show whether anybody calls it.
    refused = absent or use.effect.holding is Holding.FIRM
    holder = (
        f"{use.holder.shown} of module '{owner}', which is not in this checkout,"
        if absent
        else say.holder(use)
    )
    where = f"a checkout of module '{owner}'" if absent else f"a revision of module '{owner}'"
    return Finding(
        rule="breaks",
        message=f"'{end}' {verb} {version.object.shown} ({say.place(version.end)}), which {holder} still"
        f" uses and nothing releases.",
        severity=Severity.ERROR if refused else Severity.WARNING,
        module=end.module,
        revision=end,
        place=say.place(version.end),
        help=f"drop or replace {use.holder.shown} in {where} that can go before '{end}'.",
    )


def _owner(use: Use, situation: Situation) -> str:
    assert use.holder is not None
    if use.point.key in situation.revisions:
        return use.point.key.module
    return next((n for n, tree in situation.trees.items() if use.holder.schema in tree.module.schemas), "?")


def came_too_late(wanted: Wanted, situation: Situation) -> Finding:
    """A pending revision uses what an applied one has ended."""
    use, version = _what_is_gone(wanted, situation)
    assert version.end is not None
    verb = version.ended_by.value if version.ended_by else "ends"
    return Finding(
        rule="came-too-late",
        message=f"'{use.point.key}' uses {version.object.shown} ({situation.sentences.place(use.point)}), but"
        f" '{version.end.key}', which is already applied, {verb} it ({situation.sentences.place(version.end)}).",
        severity=Severity.WARNING if use.is_late else Severity.ERROR,
        module=use.point.key.module,
        revision=use.point.key,
        place=situation.sentences.place(use.point),
        help=f"write '{use.point.key}' for what '{version.end.key}' left, or reverse that revision first.",
    )


def _what_is_gone(wanted: Wanted, situation: Situation) -> tuple[Use, Version]:
    """The use whose every version has ended; or, when each alone would still be possible, one that has an end."""
    ended = [
        (use, version)
        for use, versions in wanted.uses
        for version in versions
        if version.end is not None and situation.is_applied(version.end.key)
    ]
    for use, versions in wanted.uses:
        if all(version.end is not None and situation.is_applied(version.end.key) for version in versions):
            return use, versions[-1]
    return ended[-1]


def cycle(dependencies: Sequence[Dependency]) -> Finding:
    """The shortest cycle, the reason of each edge, and which revision to split."""
    names = [str(each.before) for each in dependencies]
    reasons = "\n".join(
        f"  {each.before} -> {each.after}: {each.why} ({each.place})" for each in dependencies
    )
    return Finding(
        rule="cycle",
        message=f"No order is possible: {' -> '.join([*names, names[0]])}.\n{reasons}",
        module=dependencies[0].after.module,
        revision=dependencies[0].after,
        place=dependencies[0].place,
        help=_split(dependencies),
    )


def _split(dependencies: Sequence[Dependency]) -> str:
    """The revision in which an edge comes in and another goes out for different statements can be cut there."""
    for incoming, outgoing in zip(dependencies, (*dependencies[1:], dependencies[0]), strict=True):
        if incoming.before.module != incoming.after.module:
            return (
                f"split '{incoming.after}' in two: one revision with what waits for '{incoming.before}', and one,"
                f" before it, with what '{outgoing.after}' waits for."
            )
    return "cut one of these edges."


def unknown_requirement(
    after: RevisionKey, wanted: RevisionKey, known: Iterable[str], place: object
) -> Finding:
    """A `requires` that names nothing known, with the nearest name."""
    near = difflib.get_close_matches(str(wanted), sorted(known), n=1, cutoff=0.4)
    meant = f"; did you mean '{near[0]}'?" if near else "."
    return Finding(
        rule="unknown-requires",
        message=f"'{after}' requires '{wanted}' ({place}), which no module has and nobody applied{meant}",
        module=after.module,
        revision=after,
        help=f'write requires = ["{near[0]}"]' if near else 'the form is requires = ["module:revision"]',
    )


def satisfied_requirement(after: RevisionKey, wanted: RevisionKey) -> Finding:
    """A `requires` that asks for nothing any more."""
    return Finding(
        rule="requires-satisfied",
        message=f"'{after}' requires '{wanted}', which is already applied.",
        severity=Severity.NOTE,
        module=after.module,
        revision=after,
    )


def ambiguous(choice: Choice, situation: Situation) -> Finding | None:
    """A use that can mean several versions; the order that runs is found by rehearsal."""
    versions: dict[str, Version] = {}
    use = None
    for option in choice.options:
        for each, version in option.bound:
            if use is None or each is use:
                others = {id(v) for o in choice.options for u, v in o.bound if u is each}
                if len(others) > 1:
                    use = each
                    versions.setdefault(_born(version), version)
    if use is None or len(versions) < 2:
        return None
    born = [version.begin.key for version in versions.values() if version.begin is not None]
    example = f' such as requires = ["{born[-1]}"]' if born else ""
    return Finding(
        rule="several-versions",
        message=f"'{choice.key}' uses {use.object.shown} ({situation.sentences.place(use.point)}), which can mean"
        f" the one {' or the one '.join(versions)}.",
        severity=Severity.NOTE,
        module=choice.key.module,
        revision=choice.key,
        place=situation.sentences.place(use.point),
        help=f"the rehearsal finds the order that runs; without one, say which is meant{example}",
    )


def _born(version: Version) -> str:
    return f"that '{version.begin.key}' begins" if version.begin else "that was there before"


def cut(tried: int) -> Finding:
    """More orders are possible than are given to the rehearsal."""
    return Finding(
        rule="too-many-orders",
        message=f"More orders are possible than the {tried} that are tried.",
        severity=Severity.NOTE,
        help="write `requires` where the notes say that a use can mean several versions.",
    )
