"""Who is to be asked: the modules whose consumers suffer, with their owners. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.impact import ConsumerKind, OwnerToAsk, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from coordinator.model.impact import ChangeImpact, Consumer


def owners_to_ask(
    module: str,
    impacts: Sequence[ChangeImpact],
    owners: Mapping[str, str],
    code_owners: Mapping[str, tuple[str, ...]],
) -> tuple[OwnerToAsk, ...]:
    """Each other module with a consumer that is not safe, those with the most breaks first.

    `owners` are those that the map names by module, `code_owners` those of files.
    """
    suffering: dict[str, dict[tuple[str, str, str], Consumer]] = {}
    for impact in impacts:
        for each in impact.consumers:
            if each.module is None or each.module == module or each.verdict is Verdict.SAFE:
                continue
            key = (each.kind.value, each.name, each.place)
            known = suffering.setdefault(each.module, {}).get(key)
            if known is None or known.verdict < each.verdict:
                suffering[each.module][key] = each
    found = [
        OwnerToAsk(
            module=name,
            owner=owners.get(name),
            code_owners=tuple(
                dict.fromkeys(
                    owner
                    for each in consumers.values()
                    if each.file
                    for owner in code_owners.get(each.file, ())
                )
            ),
            breaks=_count(consumers, Verdict.BREAKS),
            degrades=_count(consumers, Verdict.DEGRADES),
        )
        for name, consumers in suffering.items()
    ]
    return tuple(sorted(found, key=lambda each: (-each.breaks, -each.degrades, each.module)))


def _count(consumers: Mapping[tuple[str, str, str], Consumer], verdict: Verdict) -> int:
    """How many have it; a line of the map only speaks of others."""
    return sum(
        1 for each in consumers.values() if each.verdict is verdict and each.kind is not ConsumerKind.MAP
    )
