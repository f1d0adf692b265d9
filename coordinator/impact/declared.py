"""What the database map says of who uses what changes: a word of people, weighed against what is known exactly. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.impact.facts import Ruling
from coordinator.model.change import ChangeType
from coordinator.model.effect import Verb
from coordinator.model.impact import SPEAKS_OF, ChangeImpact, Consumer, ConsumerKind, Evidence, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from coordinator.impact.world import Alteration
    from coordinator.model.impact import Consumption
    from coordinator.model.known_objects import Key

_CONCERNS = frozenset(
    {
        ChangeType.REMOVE_COLUMN,
        ChangeType.REMOVE_TABLE,
        ChangeType.REMOVE_VIEW,
        ChangeType.REMOVE_FUNCTION,
        ChangeType.RENAME_TABLE,
        ChangeType.RENAME_COLUMN,
        ChangeType.ALTER_COLUMN,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One line of the map: `consumer` (a module; `what` of it, when the line says so) uses something of another module.

    `used` is schema and name of what is used, None where the line names only the module; `column` is one of its columns.
    """

    consumer: str
    provider: str
    what: Key | None
    used: Key | None
    column: str | None
    shown: str
    place: str


def with_declared(
    impacts: Sequence[ChangeImpact],
    alterations: Sequence[Alteration],
    declarations: Sequence[Declaration],
    consumptions: Sequence[Consumption],
    owners: Mapping[str, str],
) -> tuple[ChangeImpact, ...]:
    """The impacts, with what the map says of each change beside what is known of it; `owners` are modules by schema."""
    exact = _exactly_known(consumptions)
    objects: dict[tuple[object, object], set[tuple[Key, str]]] = {}
    for each in alterations:
        if not each.fresh and each.verb in {Verb.DROP, Verb.RENAME, Verb.RETYPE}:
            name = each.object
            objects.setdefault((each.key, replace(each.change, impact_analysis=())), set()).add(
                ((name.schema, name.name), name.part)
            )
    return tuple(
        _with(
            impact,
            objects,
            [each for each in declarations if each.provider == _provider(impact, owners)],
            exact,
        )
        for impact in impacts
    )


def _provider(impact: ChangeImpact, owners: Mapping[str, str]) -> str:
    """The module whose object changes; it need not be the one that changes it."""
    return owners.get(impact.change.schema, impact.revision.module)


def _exactly_known(consumptions: Iterable[Consumption]) -> Mapping[str | None, frozenset[Key]]:
    """By module the relations and functions that it is exactly known to use."""
    found: dict[str | None, set[Key]] = {}
    for each in consumptions:
        if each.evidence is Evidence.EXACT:
            keys = ((usage.object.schema, usage.object.name) for usage in each.usages)
            found.setdefault(each.module, set()).update(keys)
    return {module: frozenset(keys) for module, keys in found.items()}


def _with(
    impact: ChangeImpact,
    objects: Mapping[tuple[object, object], set[tuple[Key, str]]],
    declarations: Sequence[Declaration],
    exact: Mapping[str | None, frozenset[Key]],
) -> ChangeImpact:
    changed = objects.get((impact.revision, replace(impact.change, impact_analysis=())), set())
    if impact.change.type not in _CONCERNS and not any(_is_schema(key) for key, _ in changed):
        return impact
    told = [
        consumer
        for declaration in declarations
        if (consumer := _consumer(declaration, changed, impact, exact)) is not None
    ]
    return replace(impact, consumers=(*impact.consumers, *dict.fromkeys(told)))


def _consumer(
    declaration: Declaration,
    changed: set[tuple[Key, str]],
    impact: ChangeImpact,
    exact: Mapping[str | None, frozenset[Key]],
) -> Consumer | None:
    # What has run for a moment says less than what stays.
    known = list(_meant(declaration, impact))
    same = [each for each in known if each.kind is not ConsumerKind.REVISION] or known
    worst = max(same, key=lambda each: list(Verdict).index(each.verdict), default=None)
    ruling = _ruling(declaration, changed, worst, exact)
    if ruling is None:
        return None
    return Consumer(
        kind=ConsumerKind.MAP,
        name=declaration.shown,
        module=declaration.consumer,
        place=declaration.place,
        uses=_uses(declaration, worst),
        verdict=ruling.verdict,
        why=ruling.why,
        evidence=Evidence.DECLARED,
    )


def _uses(declaration: Declaration, worst: Consumer | None) -> str:
    """What the line says is used; where it names only who uses something, what that one uses."""
    if declaration.used is not None:
        return ".".join((*declaration.used, *([declaration.column] if declaration.column else [])))
    return worst.uses if worst is not None else ""


def _ruling(
    declaration: Declaration,
    changed: set[tuple[Key, str]],
    worst: Consumer | None,
    exact: Mapping[str | None, frozenset[Key]],
) -> Ruling | None:
    """The same as of the worst that it speaks of, where one is known; else as much as the line says."""
    if declaration.used is None:
        return _as(worst)
    hit = [part for key, part in changed if _covers(key, declaration.used)]
    if not hit or (declaration.column is not None and "" not in hit and declaration.column not in hit):
        return None
    if worst is not None:
        return _as(worst)
    if (
        declaration.column is None
        and all(hit)
        and declaration.used in exact.get(declaration.consumer, frozenset())
    ):
        return None  # it uses the table, and this of it not
    if declaration.column is None and all(hit):
        return Ruling(Verdict.DEGRADES, "is said to use the table; whether it uses this of it is not known")
    return Ruling(Verdict.DEGRADES, "is said to use it; by what is not known")


def _is_schema(key: Key) -> bool:
    return not key[1]


def _covers(changed: Key, used: Key) -> bool:
    """Whether it is the object that changes, or lies in the schema that does."""
    return changed == used or (_is_schema(changed) and changed[0] == used[0])


def _as(worst: Consumer | None) -> Ruling | None:
    return None if worst is None else Ruling(worst.verdict, f"{SPEAKS_OF}{worst.kind.value} {worst.name}")


def _meant(declaration: Declaration, impact: ChangeImpact) -> Iterator[Consumer]:
    """The consumers of this change that the line speaks of."""
    for each in impact.consumers:
        if each.module != declaration.consumer or each.kind is ConsumerKind.MAP:
            continue
        if (
            declaration.what is None
            or each.name == ".".join(declaration.what)
            or each.name.startswith(".".join(declaration.what) + ".")
        ):
            yield each
