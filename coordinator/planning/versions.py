"""Versions of objects: where each begins and ends, who uses it for a moment, and who holds it for longer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import Holding, ObjectKind, Verb

if TYPE_CHECKING:
    from coordinator.model.effect import Effect, ObjectName
    from coordinator.model.names import RevisionKey

# Columns of these cannot change their type while they are held so; a key or an index is simply made anew.
_REFUSES_RETYPE = frozenset(
    {ObjectKind.RELATION, ObjectKind.COLUMN, ObjectKind.TRIGGER, ObjectKind.POLICY, ObjectKind.RULE}
)


@dataclass(frozen=True, slots=True)
class Point:
    """One effect's place: the revision, its position in its module's tree (from 0), the line in its file."""

    key: RevisionKey
    position: int
    line: int


@dataclass(slots=True, eq=False)
class Version:
    """One version of one object. Without a beginning it was there before the first known revision.

    `next` is the version that goes on after a rename or a change of type, and `begun_by` says which of the two
    began this one. A version is built while its tree is walked, and never changed after that.
    """

    object: ObjectName
    type: str | None = None
    begin: Point | None = None
    begun_by: Verb = Verb.CREATE
    end: Point | None = None
    ended_by: Verb | None = None
    next: Version | None = None
    conditional: bool = False

    @property
    def home(self) -> str | None:
        """The module that begins it, or else ends it."""
        point = self.begin or self.end
        return point.key.module if point else None

    @property
    def is_foreign_end(self) -> bool:
        """Whether another module ends it than the one that began it."""
        return (
            self.begin is not None and self.end is not None and self.begin.key.module != self.end.key.module
        )


@dataclass(slots=True, eq=False)
class Use:
    """One use by one revision; `local` is the version it means when its own module has made or ends it.

    With a `holder` it lasts until `release`, the first point that drops or replaces the holder (None: never).
    """

    effect: Effect
    point: Point
    local: Version | None = None
    release: Point | None = None

    @property
    def object(self) -> ObjectName:
        """What is used, by the name in the statement."""
        return self.effect.object

    @property
    def holder(self) -> ObjectName | None:
        """What goes on using it; None: nothing does."""
        return self.effect.holder

    @property
    def is_late(self) -> bool:
        """Whether nobody looks at it before the function runs."""
        return self.effect.holding is Holding.LATE


@dataclass(slots=True)
class ModuleHistory:
    """What walking one module's tree gives."""

    versions: dict[ObjectName, list[Version]] = field(default_factory=dict)
    uses: list[Use] = field(default_factory=list)
    writes: list[Use] = field(default_factory=list)
    tightenings: dict[ObjectName, list[tuple[Point, Effect]]] = field(default_factory=dict)
    releases: dict[ObjectName, list[Point]] = field(default_factory=dict)


def is_broken_by(holder: ObjectName, holding: Holding, version: Version) -> bool:
    """Whether the end of this version breaks what the holder does with it (it may also go on, or be remade)."""
    if version.ended_by is Verb.DROP:
        return not _goes_with_it(holder, version.object)
    if version.ended_by is Verb.RENAME:
        return holding is not Holding.FIRM
    return version.ended_by is Verb.RETYPE and holding is Holding.FIRM and holder.kind in _REFUSES_RETYPE


def _goes_with_it(holder: ObjectName, held: ObjectName) -> bool:
    """Whether PostgreSQL drops the holder silently with the column: its own table's index or constraint."""
    if holder.kind is ObjectKind.INDEX:
        return held.kind is ObjectKind.COLUMN
    own = (holder.schema, holder.name) == (held.schema, held.name)
    return own and holder.kind in {ObjectKind.CONSTRAINT, ObjectKind.DEFAULT}
