"""Statements that make a column mandatory, or add one with a default: what must be filled before or after them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, ObjectName
from coordinator.sql.namespace import Namespace, column
from coordinator.sql.nodes import unwrap, word
from coordinator.sql.parser import parse, written
from coordinator.sql.tables import computes_default, tightens_new_column

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.sql.tree import Node


@dataclass(frozen=True, slots=True, kw_only=True)
class Relaxed:
    """One text of SQL as it can be sent to a table with rows.

    `added` are columns that it adds, now without NOT NULL; `tightened` are columns that are there already and that
    it makes mandatory, so they must be filled before. `computed` are columns that it adds and does nothing else with,
    and in which the server makes a value for each row: they hold nothing else right after it.
    """

    sql: str
    added: tuple[ObjectName, ...] = ()
    tightened: tuple[ObjectName, ...] = ()
    computed: tuple[ObjectName, ...] = ()


def relaxed(sql: str, *, schema: str, wanted: Callable[[ObjectName], bool]) -> Relaxed | None:
    """The text with NOT NULL taken from each wanted column that it adds; None when there is nothing to do.

    `schema` is where unqualified names go. Raises SqlSyntaxError for a text that the grammar refuses.
    """
    names = Namespace(schema)
    found = _Found(wanted)
    texts: list[str] = []
    trees = parse(sql)
    for tree in trees:
        before = len(found.added)
        if tree.kind == "alter_table_stmt":
            found.read(names.relation(tree.node.relation), tree.node)
        texts.append(written(tree) if len(found.added) > before else tree.sql)
    computed = found.computed if len(trees) == 1 else []  # another statement of the text may write into them
    if not found.added and not found.tightened and not computed:
        return None
    return Relaxed(
        sql="; ".join(texts) if found.added else sql,
        added=tuple(found.added),
        tightened=tuple(found.tightened),
        computed=tuple(computed),
    )


@dataclass(slots=True)
class _Found:
    """The wanted columns of the statements read so far, as in `Relaxed`."""

    wanted: Callable[[ObjectName], bool]
    added: list[ObjectName] = field(default_factory=list)
    tightened: list[ObjectName] = field(default_factory=list)
    computed: list[ObjectName] = field(default_factory=list)

    def read(self, relation: ObjectName, node: Node) -> None:
        """One ALTER TABLE; takes NOT NULL from the columns that it adds."""
        if relation.kind is not ObjectKind.RELATION:
            return
        for item in node.cmds:
            command = item.alter_table_cmd
            action = word(command, "subtype")
            if action == "AT_AddColumn":
                self._read_new(relation, unwrap(getattr(command, "def")), conditional=command.missing_ok)
            elif action == "AT_SetNotNull" and self.wanted(column(relation, command.name)):
                self.tightened.append(column(relation, command.name))

    def _read_new(self, relation: ObjectName, definition: Node, *, conditional: bool) -> None:
        name = column(relation, definition.colname)
        if not self.wanted(name):
            return
        if tightens_new_column(definition) and _take_not_null(definition):
            self.added.append(name)
        elif computes_default(definition) and not conditional:
            self.computed.append(name)


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
