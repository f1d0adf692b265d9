"""Statements that make a column mandatory: found, and sent without that, so that the column can be filled first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.sql.namespace import Namespace, column
from coordinator.sql.nodes import unwrap, word
from coordinator.sql.parser import parse, written
from coordinator.sql.tables import tightens_new_column

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.sql.tree import Node, Tree


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """One text of SQL as it can be sent to a table with rows.

    `added` are columns that it adds, now without NOT NULL; `tightened` are columns that are there already and that
    it makes mandatory, so they must be filled before.
    """

    sql: str
    added: tuple[ObjectName, ...] = ()
    tightened: tuple[ObjectName, ...] = ()


def relaxed(sql: str, *, schema: str, wanted: Callable[[ObjectName], bool]) -> Relaxed | None:
    """The text with NOT NULL taken from each wanted column that it adds; None when there is nothing to do.

    `schema` is where unqualified names go. Raises SqlSyntaxError for a text that the grammar refuses.
    """
    names = Namespace(schema)
    added: list[ObjectName] = []
    tightened: list[ObjectName] = []
    texts: list[str] = []
    for tree in parse(sql):
        before = len(added)
        if tree.kind == "alter_table_stmt":
            _read(names, tree, wanted, added, tightened)
        texts.append(written(tree) if len(added) > before else tree.sql)
    if not added and not tightened:
        return None
    return Relaxed(sql="; ".join(texts) if added else sql, added=tuple(added), tightened=tuple(tightened))


def _read(
    names: Namespace,
    tree: Tree,
    wanted: Callable[[ObjectName], bool],
    added: list[ObjectName],
    tightened: list[ObjectName],
) -> None:
    relation = names.relation(tree.node.relation)
    if relation.kind is not ObjectKind.RELATION:
        return
    for item in tree.node.cmds:
        command = item.alter_table_cmd
        action = word(command, "subtype")
        if action == "AT_AddColumn":
            definition = unwrap(getattr(command, "def"))
            name = column(relation, definition.colname)
            if wanted(name) and tightens_new_column(definition) and _take_not_null(definition):
                added.append(name)
        elif action == "AT_SetNotNull" and wanted(column(relation, command.name)):
            tightened.append(column(relation, command.name))


def _take_not_null(definition: Node) -> bool:
    """Remove the column's NOT NULL; a primary key stays, and with it what it asks of the rows."""
    places = [
        place
        for place, item in enumerate(definition.constraints)
        if word(item.constraint, "contype") == "CONSTR_NOTNULL"
    ]
    for place in reversed(places):
        del definition.constraints[place]
    return bool(places)
