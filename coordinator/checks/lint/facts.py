"""All that the lint rules look at, as one value, and the questions that most of them ask of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from coordinator.model.effect import ObjectKind, ObjectName, Verb
from coordinator.model.lint_rule import LintChoices

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.mapfile.contract_edges import DeclaredEdges
    from coordinator.model.capture import Capture, Statement
    from coordinator.model.effect import Effect, LastingUse
    from coordinator.model.names import RevisionKey
    from coordinator.model.revision import Revision
    from coordinator.model.table_size import TableSize
    from coordinator.planning.situation import Situation
    from coordinator.planning.versions import Use
    from coordinator.squawk.run import Violation

#: Verbs that change what a schema holds; rows and uses are not among them.
CHANGES: Final = (Verb.CREATE, Verb.DROP, Verb.RENAME, Verb.RETYPE, Verb.REPLACE, Verb.TIGHTEN)
#: What lies in a schema and is no schema itself.
_NEVER_NEW: Final = frozenset({ObjectKind.SCHEMA})


@dataclass(frozen=True, slots=True, kw_only=True)
class SquawkSaid:
    """What squawk said of one statement of a pending revision."""

    revision: Revision
    statement: Statement
    violation: Violation


@dataclass(frozen=True, slots=True, kw_only=True)
class LintFacts:
    """The pending revisions, what every revision does, and what the database holds where they begin.

    `pending` come parents first in each module. `captures` are their upgrades. `owners`: schema -> module, absent
    modules too. `lasting` are uses read from the catalog, of one schema or across. `declared` is what the map says;
    None: there is no map. `sizes` are those of the target or the snapshot; a table that is not in it is not known.
    `said` is squawk's answer; () when it was not asked.
    """

    situation: Situation
    pending: tuple[Revision, ...]
    captures: Mapping[RevisionKey, Capture]
    owners: Mapping[str, str]
    lasting: tuple[LastingUse, ...] = ()
    declared: DeclaredEdges | None = None
    sizes: Mapping[tuple[str, str], TableSize] = field(default_factory=dict)
    said: tuple[SquawkSaid, ...] = ()
    choices: LintChoices = field(default_factory=LintChoices)
    _seen: frozenset[ObjectName] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        names = (name.relation for each in self.lasting for name in (each.used, each.holder))
        object.__setattr__(self, "_seen", frozenset(names))

    def is_made(self, name: ObjectName) -> bool:
        """Whether any revision makes the object, or the database has something that uses it."""
        versions = self.situation.history.versions.get(name, ())
        return name.relation in self._seen or any(each.begin is not None for each in versions)

    def owner(self, name: ObjectName) -> str | None:
        """The module that owns the object's schema, or None."""
        return self.owners.get(name.schema)

    def effects(self, revision: Revision) -> tuple[Effect, ...]:
        """What the upgrade of that revision does, in order."""
        known = self.situation.effects.get(revision.key)
        return known.effects if known is not None else ()

    def statements(self, revision: Revision) -> tuple[Statement, ...]:
        """What the upgrade of that revision sends, in order."""
        capture = self.captures.get(revision.key)
        return capture.statements if capture is not None else ()

    def abroad(self, revision: Revision) -> Iterator[tuple[Effect, str]]:
        """The effects on objects of other modules, each with the module that owns the object."""
        for effect in self.effects(revision):
            owner = self.owner(effect.object)
            if owner is not None and owner != revision.key.module:
                yield effect, owner

    def is_new(self, name: ObjectName) -> bool:
        """Whether this run itself begins the object, so that nobody has it, reads it or filled it before.

        What no known revision begins was there before, as far as one can tell.
        """
        if name.kind in _NEVER_NEW:
            return False
        versions = self.situation.history.versions.get(name, ())
        begun = [each for each in versions if each.begin is not None]
        return bool(begun) and len(begun) == len(versions) and self.situation.current(name) is None

    def rows(self, relation: ObjectName) -> int | None:
        """About how many rows the table has where the run begins; 0 for one that it makes; None: not known."""
        if self.is_new(relation.relation):
            return 0
        size = self.sizes.get((relation.schema, relation.name))
        return None if size is None or size.rows < 0 else size.rows

    def holders_now(self, name: ObjectName) -> tuple[ObjectName, ...]:
        """What goes on using the object, or a part of it, where the run begins."""
        seen = (each.holder for each in self.lasting if _is_part(each.used, name))
        noted = (
            use.holder
            for use in self._uses()
            if use.holder is not None
            and self.situation.is_applied(use.point.key)
            and not (use.release is not None and self.situation.is_applied(use.release.key))
            and _is_part(use.object, name)
        )
        return tuple(each for each in dict.fromkeys((*seen, *noted)) if not _is_part(each, name))

    def holders(self, name: ObjectName) -> tuple[ObjectName, ...]:
        """What goes on using the object, or a part of it, and is not released by this run; new uses too."""
        coming = (
            use.holder
            for use in self._uses()
            if use.holder is not None
            and use.release is None
            and not self.situation.is_applied(use.point.key)
            and _is_part(use.object, name)
        )
        staying = (each for each in self.holders_now(name) if self.released_by(each) is None)
        return tuple(each for each in dict.fromkeys((*staying, *coming)) if not _is_part(each, name))

    def released_by(self, holder: ObjectName) -> RevisionKey | None:
        """The pending revision that drops or replaces the holder, so that it uses what it used no more."""
        return next(
            (
                revision.key
                for revision in self.pending
                for effect in self.effects(revision)
                if effect.verb in {Verb.DROP, Verb.REPLACE} and _is_part(holder, effect.object)
            ),
            None,
        )

    def _uses(self) -> Iterator[Use]:
        for module in self.situation.history.modules.values():
            yield from module.uses


def _is_part(one: ObjectName, whole: ObjectName) -> bool:
    """Whether the one is the whole, or lies inside it."""
    if whole.kind is ObjectKind.SCHEMA:
        return one.schema == whole.schema
    if one == whole:
        return True
    inside = whole.kind is ObjectKind.RELATION and bool(one.part)
    return inside and (one.schema, one.name) == (whole.schema, whole.name)
