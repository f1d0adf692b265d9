"""From what a revision sent to what it does: effects, changes for people, and what stays unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import RevisionEffects
from coordinator.revisions.changes import changes_of, unknown_change
from coordinator.sql.command import CommandKind, classify
from coordinator.sql.namespace import Namespace
from coordinator.sql.parser import parse
from coordinator.sql.reading import Reading
from coordinator.sql.statements import read_command
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from coordinator.model.capture import Capture, Statement
    from coordinator.model.change import DatabaseChange


def effects_of(capture: Capture, *, schema: str) -> RevisionEffects:
    """What one direction of a revision does; `schema` is where its unqualified names go.

    Never raises for what a revision sent: SQL that cannot be parsed, a query whose answer decides, a DO block
    and dynamic SQL are reasons in `unknown`.
    """
    reading = Reading(Namespace(schema))
    for reason in capture.unknown:
        reading.not_known(reason)
    if capture.error is not None:
        reading.line = capture.error_line
        reading.not_known(f"it raised {capture.error}")
    changes: list[DatabaseChange] = []
    alone: list[int] = []
    for statement in capture.statements:
        _read_statement(reading, statement, changes, alone)
    return RevisionEffects(
        key=capture.key,
        direction=capture.direction,
        effects=tuple(reading.effects),
        changes=(*changes, *(unknown_change(each, schema) for each in reading.unknown)),
        unknown=tuple(reading.unknown),
        alone=tuple(dict.fromkeys(alone)),
        added_labels=tuple(reading.added_labels),
        temporary=reading.names.has_temporary,
    )


def _read_statement(
    reading: Reading, statement: Statement, changes: list[DatabaseChange], alone: list[int]
) -> None:
    reading.begin_statement(statement.line)
    if statement.autocommit:
        alone.append(statement.line)
    try:
        trees = parse(statement.sql)
    except SqlSyntaxError as error:
        reading.not_known(f"its SQL cannot be parsed, {error}")
        return
    for tree in trees:
        reading.begin_statement(statement.line)
        before = len(reading.effects)
        read_command(reading, tree)
        if classify(tree).kind is CommandKind.ALONE:
            alone.append(statement.line)
        changes.extend(changes_of(tree.kind, reading.effects[before:], statement.line))
