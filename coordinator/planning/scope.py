"""What must be reversed together with chosen revisions: what stands on them, and nothing else. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import RevisionEffects, Verb
from coordinator.model.names import RevisionKey
from coordinator.model.rollback import Dragged, Scope
from coordinator.planning.alive import ENDS, MAKES, USES, Alive

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from coordinator.model.effect import Effect, LastingUse, ObjectName
    from coordinator.model.revision import ModuleTree


def rollback_scope(
    chosen: Collection[RevisionKey],
    *,
    order: Sequence[RevisionKey],
    trees: Sequence[ModuleTree],
    upgrades: Mapping[RevisionKey, RevisionEffects],
    downgrades: Mapping[RevisionKey, RevisionEffects],
    lasting: Sequence[LastingUse] = (),
) -> Scope:
    """The revisions to reverse so that the chosen ones can be, newest first, each with what it stands on.

    `order` are the applied revisions as they were applied, oldest first. With a revision go the later ones of its
    own tree that follow it, and those that require it; the later ones that use what it made; the later ones that
    ended what its downgrade uses, or took a name that its downgrade needs back. Those outside stay. `lasting` are
    the uses that the database holds now: they also tell of what revisions made in ways that their SQL does not
    show. What neither tells, the rehearsal of the rollback finds.
    """
    walk = _Walk(
        declared=_declared(trees), upgrades=upgrades, downgrades=downgrades, chosen=frozenset(chosen)
    )
    for key in order:
        walk.take(key)
    walk.hold(lasting, order)
    return walk.scope(order)


def _declared(trees: Sequence[ModuleTree]) -> dict[RevisionKey, list[tuple[RevisionKey, str]]]:
    found: dict[RevisionKey, list[tuple[RevisionKey, str]]] = {}
    for tree in trees:
        for each in tree.revisions:
            own = [
                (RevisionKey(each.key.module, parent), f"follows {each.key.module}:{parent}")
                for parent in each.parents
            ]
            found[each.key] = [*own, *((wanted, f"requires {wanted}") for wanted in each.requires)]
    return found


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Goes through the applied revisions as they came in; `stands` collects who stands on whom and why."""

    declared: Mapping[RevisionKey, Sequence[tuple[RevisionKey, str]]]
    upgrades: Mapping[RevisionKey, RevisionEffects]
    downgrades: Mapping[RevisionKey, RevisionEffects]
    chosen: frozenset[RevisionKey]
    alive: Alive = field(default_factory=Alive)
    stands: dict[RevisionKey, dict[RevisionKey, str]] = field(default_factory=dict)
    wanted: dict[ObjectName, list[RevisionKey]] = field(default_factory=dict)  # by the downgrades so far
    unmade: dict[ObjectName, list[RevisionKey]] = field(default_factory=dict)  # what these end
    remade: dict[ObjectName, list[RevisionKey]] = field(default_factory=dict)  # names that these need free

    def take(self, key: RevisionKey) -> None:
        """One more applied revision."""
        on = self.stands.setdefault(key, {})
        for needed, why in self.declared.get(key, ()):
            on.setdefault(needed, why)
        up = self.upgrades.get(key, RevisionEffects(key=key))
        for effect in up.effects:
            self._effect(key, effect, on)
            self.alive.apply(key, effect)
        on.pop(key, None)
        self._remember(key)

    def _effect(self, key: RevisionKey, effect: Effect, on: dict[RevisionKey, str]) -> None:
        """What one thing that the upgrade does makes it stand on."""
        if effect.verb in USES:
            for name, maker in self.alive.behind(effect):
                on.setdefault(maker, f"uses {name.shown}, which {maker} makes")
            self._meets(
                self.unmade, self.alive.meant(effect), "uses {}, which the downgrade of {} ends", key, on
            )
        if effect.verb in ENDS:
            self._meets(self.wanted, self._ended(effect), "ended {}, which the downgrade of {} uses", key, on)
        if effect.verb in MAKES:
            made = effect.to if effect.verb is Verb.RENAME and effect.to else effect.object
            self._meets(self.unmade, (made,), "makes {}, which the downgrade of {} ends", key, on)
            self._meets(
                self.remade, (made,), "took the name of {}, which the downgrade of {} makes again", key, on
            )

    def _meets(
        self,
        what: Mapping[ObjectName, Sequence[RevisionKey]],
        names: Iterable[ObjectName],
        why: str,
        key: RevisionKey,
        on: dict[RevisionKey, str],
    ) -> None:
        for name in names:
            for other in what.get(name, ()):
                if other != key:
                    on.setdefault(other, why.format(name.shown, other))

    def _ended(self, effect: Effect) -> tuple[ObjectName, ...]:
        """What ends with it: what lies inside a dropped or renamed relation or schema, too."""
        inside = (
            each for each in self.wanted if effect.verb is not Verb.RETYPE and _lies_in(each, effect.object)
        )
        return (effect.object, *inside)

    def _remember(self, key: RevisionKey) -> None:
        down = self.downgrades.get(key, RevisionEffects(key=key))
        made: set[ObjectName] = set()
        for effect in down.effects:
            if effect.verb in (*USES, *ENDS):
                for name in (*self.alive.meant(effect), effect.object):
                    if name not in made and key not in (found := self.wanted.setdefault(name, [])):
                        found.append(key)
            if effect.verb in ENDS and effect.object not in made:
                self.unmade.setdefault(effect.object, []).append(key)
            if effect.verb in MAKES:
                new = effect.to if effect.verb is Verb.RENAME and effect.to else effect.object
                made.add(new)
                if self.alive.maker(new) is None:
                    self.remade.setdefault(new, []).append(key)

    def hold(self, lasting: Sequence[LastingUse], order: Sequence[RevisionKey]) -> None:
        """Whoever made what holds something now stands on whoever made that."""
        places = {key: place for place, key in enumerate(order)}
        for each in lasting:
            holder = self.alive.maker(each.holder) or self.alive.maker(each.holder.relation)
            used = self.alive.maker(each.used)
            if holder is not None and used is not None and places[used] < places[holder]:
                why = f"made {each.holder.shown}, which holds {each.used.shown} of {used}"
                self.stands[holder].setdefault(used, why)

    def scope(self, order: Sequence[RevisionKey]) -> Scope:
        """The chosen ones and all that stand on them."""
        inside: dict[RevisionKey, Dragged | None] = {}
        for key in order:
            on = next(((each, why) for each, why in self.stands[key].items() if each in inside), None)
            if key in self.chosen:
                inside[key] = None
            elif on is not None:
                inside[key] = Dragged(key=key, needs=on[0], why=on[1])
        newest_first = [key for key in reversed(order) if key in inside]
        return Scope(
            keys=tuple(newest_first),
            named=self.chosen & inside.keys(),
            dragged=tuple(found for key in newest_first if (found := inside[key]) is not None),
        )


def _lies_in(name: ObjectName, whole: ObjectName) -> bool:
    if name == whole or name.schema != whole.schema:
        return False
    return not whole.name or (not whole.part and name.name == whole.name and bool(name.part))
