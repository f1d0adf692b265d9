"""What is looked at before a statement of a revision is sent: invalid indexes in its way, and what is done already."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.known_objects import BARE
from coordinator.postgres.dropping import drop_index
from coordinator.postgres.meaning import schema_meant
from coordinator.postgres.presence import KNOWN_KINDS, has_function, is_there, present, unfinished_index
from coordinator.postgres.session import compose, identifier
from coordinator.sql.namespace import Namespace
from coordinator.sql.parser import parse
from coordinator.sql.reading import Reading
from coordinator.sql.shaping import details_of
from coordinator.sql.statements import read_command
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.model.effect import Effect, ObjectName
    from coordinator.postgres.session import Session

    _Signatures = Mapping[ObjectName, tuple[tuple[str, ...], ...]]

_QUIET = frozenset({Verb.USE, Verb.HOLD, Verb.TIGHTEN})


@dataclass(slots=True, kw_only=True)
class BeforeStatement:
    """Looks at the statements of one step, which makes what it names without a schema in `schema`.

    `lenient`: the step brings something half done to one side, so a statement whose work is done is passed over;
    `only_alone`: only outside of a transaction, since it is known what is in of those inside of one.
    `built` are the indexes that the step builds.
    """

    session: Session
    schema: str
    lenient: bool = False
    only_alone: bool = False
    built: list[ObjectName] = field(default_factory=list)

    def __call__(self, text: str) -> bool:
        """Make way for the statement; true when it must not be sent, since all that it would do is done."""
        if self.session.failed or not (self.lenient or "index" in text.lower()):
            return False
        reading = _read(text)
        passes = self.lenient and not (self.only_alone and self.session.in_transaction)
        if passes and not reading.unknown and self._is_done(reading.effects, _signatures(text)):
            return True
        for each in reading.effects:
            if each.verb is Verb.CREATE and each.object.kind is ObjectKind.INDEX and each.to is not None:
                self._make_way(self._made(each), self._meant(each.to))
        return False

    def left_invalid(self) -> tuple[ObjectName, ...]:
        """Indexes that the step builds and that are invalid after it."""
        return tuple(
            index
            for index in dict.fromkeys(self.built)
            if unfinished_index(self.session, index, table=None) is not None
        )

    def _make_way(self, index: ObjectName, table: ObjectName) -> None:
        """Drop the invalid index that an earlier, failed build left: IF NOT EXISTS would take it for done."""
        self.built.append(index)
        if unfinished_index(self.session, index, table=table) is not False:
            return
        if self.session.in_transaction:
            name = identifier(index.schema, index.name)
            self.session.execute(compose("DROP INDEX {index}", index=name))
        else:
            drop_index(self.session, index)

    def _is_done(self, effects: Iterable[Effect], signatures: _Signatures) -> bool:
        doing = [each for each in effects if each.verb not in _QUIET]
        return bool(doing) and all(self._is_there_as_wanted(each, signatures) for each in doing)

    def _is_there_as_wanted(self, effect: Effect, signatures: _Signatures) -> bool:
        if effect.object.kind not in KNOWN_KINDS:
            return False
        if effect.object.kind is ObjectKind.FUNCTION and effect.verb is Verb.CREATE:
            return self._has_functions(self._made(effect), signatures.get(effect.object, ()))
        if effect.verb is Verb.DROP:
            return not is_there(self.session, self._meant(effect.object))
        return effect.verb is Verb.CREATE and bool(present(self.session, (self._made(effect),)))

    def _has_functions(self, name: ObjectName, signatures: tuple[tuple[str, ...], ...]) -> bool:
        """Whether those that a statement makes are there; another of the same name is another function."""
        return bool(signatures) and all(has_function(self.session, name, each) for each in signatures)

    def _made(self, effect: Effect) -> ObjectName:
        """What the effect creates: an index with its table, a part with the whole, all else in `schema`."""
        if effect.to is not None and effect.object.kind is ObjectKind.INDEX:
            return replace(effect.object, schema=self._meant(effect.to).schema)
        if effect.object.part:
            return self._meant(effect.object)
        return replace(effect.object, schema=effect.object.schema or self.schema)

    def _meant(self, name: ObjectName) -> ObjectName:
        """The object as the step's session finds it now: the module may have several schemas."""
        if name.schema != BARE:
            return name
        return replace(name, schema=schema_meant(self.session, name) or self.schema)


def _signatures(text: str) -> _Signatures:
    """The argument types of the functions that the text makes, where all of them are written out."""
    found: dict[ObjectName, tuple[tuple[str, ...], ...]] = {}
    with suppress(SqlSyntaxError):
        for tree in parse(text):
            for name, made in details_of(tree, BARE).functions:
                if all(made.arguments):
                    found[name] = (*found.get(name, ()), made.arguments)
    return found


def _read(text: str) -> Reading:
    reading = Reading(Namespace(BARE))
    # The server's own grammar decides about what ours does not know.
    with suppress(SqlSyntaxError):
        for tree in parse(text):
            read_command(reading, tree)
    return reading
