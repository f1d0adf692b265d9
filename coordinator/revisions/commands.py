"""What each command of a revision does, one by one: its effects, the changes that people read, and its details."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import Verb
from coordinator.revisions.changes import changes_and_effects, other_change
from coordinator.sql.namespace import Namespace
from coordinator.sql.parser import parse
from coordinator.sql.reading import Reading
from coordinator.sql.shaping import Details, details_of
from coordinator.sql.statements import read_command
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from coordinator.model.capture import Capture
    from coordinator.model.change import DatabaseChange
    from coordinator.model.effect import Effect, RevisionEffects

_CHANGES = frozenset(
    {Verb.CREATE, Verb.DROP, Verb.RENAME, Verb.RETYPE, Verb.REPLACE, Verb.WRITE, Verb.TIGHTEN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One command: its line in the revision's file, its effects in order, and what each of them is called.

    `told` pairs each effect that changes something with the change that people read of; an effect of None is the
    command as a whole. `sql` is its text, empty where only the ledger remembers the revision.
    """

    line: int
    effects: tuple[Effect, ...]
    told: tuple[tuple[DatabaseChange, Effect | None], ...]
    details: Details = field(default_factory=Details)
    sql: str = ""


def commands_of(capture: Capture, *, schema: str) -> tuple[Command, ...]:
    """The commands of one direction of a revision; what cannot be parsed is left out, as `effects_of` says."""
    reading = Reading(Namespace(schema))
    found = []
    for statement in capture.statements:
        try:
            trees = parse(statement.sql)
        except SqlSyntaxError:
            continue
        for tree in trees:
            reading.begin_statement(statement.line)
            before, home = len(reading.effects), reading.names.schema
            read_command(reading, tree)
            effects = tuple(reading.effects[before:])
            found.append(
                Command(
                    line=statement.line,
                    effects=effects,
                    told=_told(tree.kind, effects, statement.line),
                    details=details_of(tree, home),
                    sql=tree.sql,
                )
            )
    return tuple(found)


def remembered_commands(effects: RevisionEffects) -> tuple[Command, ...]:
    """The same of a revision of which only the effects are known: as one command for each of its lines."""
    lines: dict[int, list[Effect]] = {}
    for each in effects.effects:
        lines.setdefault(each.line, []).append(each)
    return tuple(
        Command(line=line, effects=tuple(some), told=_told("", some, line)) for line, some in lines.items()
    )


def _told(
    kind: str, effects: tuple[Effect, ...] | list[Effect], line: int
) -> tuple[tuple[DatabaseChange, Effect | None], ...]:
    """Every effect that changes something finds a change: its own, that of what it belongs to, or a plain one."""
    known = list(changes_and_effects(kind, effects, line))
    by_effect = {id(effect): change for change, effect in known if effect is not None}
    told: list[tuple[DatabaseChange, Effect | None]] = [pair for pair in known if pair[1] is None]
    for effect in effects:
        if effect.verb in _CHANGES:
            change = by_effect.get(id(effect)) or _belonging(effect, known) or other_change(effect)
            told.append((change, effect))
    return tuple(told)


def _belonging(effect: Effect, known: list[tuple[DatabaseChange, Effect | None]]) -> DatabaseChange | None:
    """The change of the same command that tells this one too: of the column that it tightens, or of its relation."""
    if effect.verb is Verb.TIGHTEN:
        for change, other in known:
            if other is not None and (
                other.object.part in (effect.columns or ()) or other.verb is Verb.CREATE
            ):
                return change
    whole = effect.object.relation
    return next((change for change, other in known if other is not None and other.object == whole), None)
