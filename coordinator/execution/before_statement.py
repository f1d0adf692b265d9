"""What is looked at before a statement of a revision is sent: invalid indexes in its way, and what is done already."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.postgres.presence import KNOWN_KINDS, is_there, present, unfinished_index
from coordinator.postgres.session import compose, identifier
from coordinator.sql.namespace import Namespace
from coordinator.sql.parser import parse
from coordinator.sql.reading import Reading
from coordinator.sql.statements import read_command
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from coordinator.model.effect import Effect, ObjectName
    from coordinator.postgres.session import Session

_QUIET = frozenset({Verb.USE, Verb.HOLD, Verb.TIGHTEN})


@dataclass(slots=True, kw_only=True)
class BeforeStatement:
    """Looks at the statements of one step, whose unqualified names go to `schema`.

    `lenient`: the step brings something half done to one side, so a statement whose work is done is passed over.
    `built` are the indexes that the step builds.
    """

    session: Session
    schema: str
    lenient: bool = False
    built: list[ObjectName] = field(default_factory=list)

    def __call__(self, text: str) -> bool:
        """Make way for the statement; true when it must not be sent, since all that it would do is done."""
        if self.session.failed or not (self.lenient or "index" in text.lower()):
            return False
        effects = _effects(text, self.schema)
        if self.lenient and self._is_done(effects):
            return True
        for each in effects:
            if each.verb is Verb.CREATE and each.object.kind is ObjectKind.INDEX and each.to is not None:
                self._make_way(each.object, each.to)
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
        if unfinished_index(self.session, index, table=table) is False:
            how = "" if self.session.in_transaction else " CONCURRENTLY"
            name = identifier(index.schema, index.name)
            self.session.execute(compose(f"DROP INDEX{how} {{index}}", index=name))

    def _is_done(self, effects: tuple[Effect, ...]) -> bool:
        doing = [each for each in effects if each.verb not in _QUIET]
        return bool(doing) and all(self._is_there_as_wanted(each) for each in doing)

    def _is_there_as_wanted(self, effect: Effect) -> bool:
        if effect.object.kind not in KNOWN_KINDS:
            return False
        if effect.verb is Verb.DROP:
            return not is_there(self.session, effect.object)
        return effect.verb is Verb.CREATE and bool(present(self.session, (effect.object,)))


def _effects(text: str, schema: str) -> tuple[Effect, ...]:
    reading = Reading(Namespace(schema))
    try:
        for tree in parse(text):
            read_command(reading, tree)
    except SqlSyntaxError:
        return ()  # the server's own grammar decides about it
    return () if reading.unknown else tuple(reading.effects)
