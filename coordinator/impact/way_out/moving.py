"""The middle of every way out: each module moves what reads the old to the new. Pure."""

from __future__ import annotations

import re
import textwrap
from typing import TYPE_CHECKING

from coordinator.impact.way_out.code import revision
from coordinator.model.impact import ConsumerKind, Stage, Verdict, WayOutStep

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.impact import ChangeImpact, Consumer

_REPLACED = re.compile(r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(FUNCTION|PROCEDURE|VIEW)\b", re.IGNORECASE)
_NOT_MOVED = frozenset({ConsumerKind.MAP, ConsumerKind.REVISION, ConsumerKind.STATEMENT})


def move_readers(
    impact: ChangeImpact, what: str, sources: Mapping[str, str], rename: tuple[str, str] | None, expand: str
) -> list[WayOutStep]:
    """One step for each module with something that breaks; what no module owns is told as a step of nobody's.

    `sources` are the commands that made objects, by name; `rename` is (old, new) of the word to be changed in them;
    `expand` names the first revision, for `requires`.
    """
    broken: dict[str, list[Consumer]] = {}
    for each in impact.consumers:
        if each.verdict is Verdict.BREAKS and each.kind not in _NOT_MOVED and each.through is None:
            broken.setdefault(each.module or "nobody known", []).append(each)
    steps = [
        _step(module, consumers, what, sources, rename, expand)
        for module, consumers in sorted(broken.items())
    ]
    live = [
        each
        for each in impact.consumers
        if each.kind is ConsumerKind.STATEMENT and each.verdict is Verdict.BREAKS and each.through is None
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
    sources: Mapping[str, str],
    rename: tuple[str, str] | None,
    expand: str,
) -> WayOutStep:
    made = [each for each in consumers if each.kind.in_database]
    code = ""
    if made:
        upgrade = [line for each in made for line in _remade(each, sources, rename)]
        downgrade = [line for each in made for line in _as_before(each, sources)]
        code = revision(upgrade, downgrade, requires=[expand] if expand else [])
    return WayOutStep(
        stage=Stage.MOVE,
        module=module,
        what=what,
        code=code,
        places=tuple(dict.fromkeys(f"{each.place} ({each.kind.value} {each.name})" for each in consumers)),
    )


def _remade(consumer: Consumer, sources: Mapping[str, str], rename: tuple[str, str] | None) -> list[str]:
    text = _replacing(sources.get(consumer.name))
    if text is None:
        return [f"# {consumer.kind.value} {consumer.name}: to be made anew without the old"]
    if rename is not None:
        return [re.sub(rf"\b{re.escape(rename[0])}\b", rename[1], text)]
    return [f"# {consumer.kind.value} {consumer.name}, to be written without the old:", text]


def _as_before(consumer: Consumer, sources: Mapping[str, str]) -> list[str]:
    text = _replacing(sources.get(consumer.name))
    return [f"# {consumer.kind.value} {consumer.name}, as it was"] if text is None else [text]


def _replacing(source: str | None) -> str | None:
    """The command that made it, so that it can be run over what is there; None where that cannot be."""
    if source is None or _REPLACED.search(source) is None:
        return None
    text = _REPLACED.sub(lambda found: f"CREATE OR REPLACE {found[1].upper()}", source, count=1)
    first, _, rest = text.partition("\n")
    return f"{first}\n{textwrap.dedent(rest)}" if rest else first
