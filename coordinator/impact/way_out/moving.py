"""The middle of every way out: each module moves what reads the old to the new. Pure."""

from __future__ import annotations

import re
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.impact.way_out.code import name, revision
from coordinator.model.impact import ConsumerKind, Stage, Verdict, WayOutStep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from coordinator.impact.way_out.around import Around
    from coordinator.model.effect import ObjectName
    from coordinator.model.impact import ChangeImpact, Consumer

_FUNCTION = re.compile(r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE)\b", re.IGNORECASE)
_VIEW = re.compile(r"\bCREATE\s+(?:OR\s+REPLACE\s+)?((?:MATERIALIZED\s+)?VIEW)\b", re.IGNORECASE)
_BODY = re.compile(r"\b(?:AS|RETURN|BEGIN\s+ATOMIC)\b", re.IGNORECASE)
_NOT_MOVED = frozenset({ConsumerKind.MAP, ConsumerKind.REVISION, ConsumerKind.STATEMENT})


@dataclass(frozen=True, slots=True, kw_only=True)
class Renaming:
    """The words to be changed in the text of who moves; `column` is the one that they mean, None: a relation."""

    old: str
    new: str
    column: ObjectName | None = None


def move_readers(
    impact: ChangeImpact,
    what: str,
    around: Around,
    *,
    renaming: Renaming | None = None,
    expand: str = "",
    moves: Callable[[Consumer], bool] = lambda each: each.verdict is Verdict.BREAKS,
) -> list[WayOutStep]:
    """One step for each module with something that `moves`; what no module owns is told as a step of nobody's.

    `expand` names the first revision, for `requires`.
    """
    moving: dict[str, list[Consumer]] = {}
    for each in impact.consumers:
        if moves(each) and each.kind not in _NOT_MOVED and each.through is None:
            moving.setdefault(each.module or "nobody known", []).append(each)
    steps = [
        _step(module, consumers, what, around, renaming, expand)
        for module, consumers in sorted(moving.items())
    ]
    live = [
        each
        for each in impact.consumers
        if each.kind is ConsumerKind.STATEMENT and moves(each) and each.through is None
    ]
    if live:
        roles = ", ".join(sorted({each.role or "?" for each in live}))
        steps.append(
            WayOutStep(
                stage=Stage.MOVE,
                module=f"whoever connects as {roles}",
                what=f"{what}; their code is in no module's sources",
                places=tuple(each.name for each in live),
            )
        )
    return steps


def _step(
    module: str,
    consumers: Sequence[Consumer],
    what: str,
    around: Around,
    renaming: Renaming | None,
    expand: str,
) -> WayOutStep:
    made = [each for each in consumers if each.kind.in_database]
    code = ""
    if made:
        upgrade = [line for each in made for line in _remade(each, around, renaming)]
        downgrade = [line for each in made for line in _as_before(each, around)]
        code = revision(upgrade, downgrade, requires=[expand] if expand else [])
    return WayOutStep(
        stage=Stage.MOVE,
        module=module,
        what=what,
        code=code,
        places=tuple(dict.fromkeys(f"{each.place} ({each.kind.value} {each.name})" for each in consumers)),
    )


def _remade(consumer: Consumer, around: Around, renaming: Renaming | None) -> list[str]:
    told = f"# {consumer.kind.value} {consumer.name}"
    made = _made_again(consumer, around)
    if not made:
        how = (
            f"with {renaming.new} in the place of {renaming.old}"
            if renaming is not None
            else "without the old"
        )
        return [f"{told}: to be made anew {how}"]
    if consumer.kind is ConsumerKind.VIEW:
        how = f"with {renaming.new} AS {renaming.old}" if renaming is not None else "without the old"
        return [f"{told}, to be written {how}:", *_beside(consumer, around), *made]
    if renaming is None:
        return [f"{told}, to be written without the old:", *made]
    if not _is_plain(consumer, around, renaming):
        return [f"{told}, to be written with {renaming.new} in the place of {renaming.old}:", *made]
    return [re.sub(rf"\b{re.escape(renaming.old)}\b", renaming.new, each) for each in made]


def _is_plain(consumer: Consumer, around: Around, renaming: Renaming) -> bool:
    """Whether the old word means the same wherever it stands in the text."""
    if renaming.column is None:
        return True
    head = _BODY.split(around.sources[consumer.name], maxsplit=1)[0]
    in_head = re.search(rf"\b{re.escape(renaming.old)}\b", head) is not None
    return not in_head and around.is_only_of(consumer.name, renaming.column)


def _as_before(consumer: Consumer, around: Around) -> list[str]:
    made = _made_again(consumer, around)
    if not made:
        return [f"# {consumer.kind.value} {consumer.name}, as it was"]
    return [*_beside(consumer, around), *made] if consumer.kind is ConsumerKind.VIEW else made


def _beside(consumer: Consumer, around: Around) -> list[str]:
    """What goes with a view that is dropped, and has to be made anew too."""
    lines = ["# grant on it what was granted before"]
    standing = around.standing_on(consumer.name)
    if standing:
        lines.append(f"# drop before it, and make anew behind it, what stands on it: {', '.join(standing)}")
    return lines


def _made_again(consumer: Consumer, around: Around) -> list[str]:
    """The commands that make it over what is there; none where its own is not known.

    A view is dropped first: PostgreSQL replaces none by one that lacks a column, or calls one otherwise.
    """
    source = around.sources.get(consumer.name, "")
    view, function = _VIEW.search(source), _FUNCTION.search(source)
    if view is not None and consumer.kind is ConsumerKind.VIEW:
        kind = " ".join(view[1].upper().split())
        drop = f"DROP {kind} {name(*consumer.name.split('.'))}"
        return [drop, _dedented(_VIEW.sub(f"CREATE {kind}", source, count=1))]
    if function is not None:
        return [_dedented(_FUNCTION.sub(f"CREATE OR REPLACE {function[1].upper()}", source, count=1))]
    return []


def _dedented(text: str) -> str:
    first, _, rest = text.partition("\n")
    return f"{first}\n{textwrap.dedent(rest)}" if rest else first
