"""From a plan's captured SQL to all that it demands of the rows that are there, statement by statement."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.planning.preconditions.alterations import alters_table
from coordinator.planning.preconditions.asking import Asking
from coordinator.planning.preconditions.domain import alters_domain
from coordinator.planning.preconditions.moving import emptied, joins, move
from coordinator.planning.preconditions.partition import asks_default, within_bound
from coordinator.planning.preconditions.referenced import deletes, updates
from coordinator.planning.preconditions.unique import adds_index
from coordinator.planning.preconditions.world import World
from coordinator.sql.namespace import Namespace
from coordinator.sql.nodes import word
from coordinator.sql.parser import parse
from coordinator.sql.reading import Reading
from coordinator.sql.statements import read_command
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from coordinator.model.capture import Capture, Statement
    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import Effect
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Step
    from coordinator.model.precondition import Precondition
    from coordinator.sql.tree import Node, Tree

Column = tuple[str, str, str]
_ASKS = ("SELECT", "WITH", "VALUES", "TABLE", "SHOW", "EXPLAIN")
_RUNS_FUNCTIONS = frozenset({"select_stmt", "insert_stmt", "update_stmt", "delete_stmt", "merge_stmt"})
_DECIDES = frozenset({"do_stmt", "call_stmt"})


def preconditions_of(
    steps: Iterable[Step],
    captures: Mapping[RevisionKey, Capture],
    schemas: Mapping[str, tuple[str, ...]],
    catalog: Catalog,
    *,
    filled: Mapping[RevisionKey, Collection[Column]],
) -> tuple[Precondition, ...]:
    """What the steps demand, in their order. `captures` are those of the steps' direction, `schemas` each module's.

    `catalog` is the target's. `filled` are the columns of a step whose values are put back from a copy.
    """
    world = World(catalog)
    found: list[Precondition] = []
    for step in steps:
        own = schemas[step.key.module]
        asking = Asking(
            step=step,
            world=world,
            names=Namespace(own[0]),
            filled=frozenset(filled.get(step.key, ())),
        )
        reach = (*own, *(each for name in step.touches for each in schemas.get(name, (name,))))
        _Walk(asking, reach).through(captures[step.key])
        found.extend(asking.found)
    return tuple(found)


class _Walk:
    """Goes through one revision's statements; `reach` are the schemas that it may write in."""

    def __init__(self, asking: Asking, reach: tuple[str, ...]) -> None:
        self.asking = asking
        self.reach = reach
        self.reading = Reading(asking.names)

    def through(self, capture: Capture) -> None:
        """Read all statements. What follows a question to the database may be another thing in production."""
        asks = "; ".join(each for each in capture.unknown)
        seen = any(_asks(each) for each in capture.statements)
        for statement in capture.statements:
            if asks and (not seen or _asks(statement)):
                self.asking.unsure = f"what {self.asking.step.key} does depends on what it reads: {asks}"
            self._statement(statement)
        if asks:
            self.asking.world.doubt_everything(
                self.reach, f"{self.asking.step.key} may change rows first: {asks}"
            )

    def _statement(self, statement: Statement) -> None:
        self.asking.line = statement.line
        try:
            trees = parse(statement.sql)
        except SqlSyntaxError:
            self._decides("whose SQL cannot be parsed")
            return
        for tree in trees:
            self._tree(tree)

    def _tree(self, tree: Tree) -> None:
        asks = _QUESTIONS.get(tree.kind)
        if asks is not None:
            asks(self.asking, tree.node)
        self.reading.begin_statement(self.asking.line)
        before = len(self.reading.effects)
        read_command(self.reading, tree)
        effects = self.reading.effects[before:]
        if tree.kind in _DECIDES:
            self._decides("which decides at run time what it does")
        elif tree.kind in _RUNS_FUNCTIONS:
            self._calls(effects)
        filled = tree.kind != "create_stmt" and self._depends_on_rows(tree, effects)
        for effect in effects:
            move(self.asking.world, effect, self.asking.by, filled=filled, command=tree.kind)
        if tree.kind == "truncate_stmt":
            self._truncate(tree.node)
        elif tree.kind == "create_stmt":
            self._inherits(tree.node)

    def _depends_on_rows(self, tree: Tree, effects: list[Effect]) -> bool:
        """Whether the rows that a statement writes may be others here than in the rehearsal, which has none of today's."""
        if self.asking.unsure or tree.kind in _DECIDES or tree.kind == "copy_stmt":
            return True
        used = (each.object for each in effects if each.verb is Verb.USE)
        tables = (self.asking.world.table(each) for each in used if each.kind is ObjectKind.RELATION)
        return any(each is not None and not each.empty for each in tables)

    def _truncate(self, node: Node) -> None:
        cascade = word(node, "behavior") == "DROP_CASCADE"
        for item in node.relations:
            table = self.asking.world.table(self.asking.relation(item.range_var))
            if table is not None and item.range_var.inh:
                emptied(self.asking.world, table, self.asking.by, cascade=cascade)

    def _inherits(self, node: Node) -> None:
        """CREATE TABLE … PARTITION OF or INHERITS."""
        table = self.asking.world.table(self.asking.relation(node.relation))
        parents = (
            self.asking.world.table(self.asking.relation(item.range_var)) for item in node.inh_relations
        )
        for parent in parents:
            if parent is not None and table is not None and table.empty:
                joins(self.asking.world, parent, table, self.asking.by)

    def _calls(self, effects: list[Effect]) -> None:
        """A function of somebody's may do whatever it likes."""
        world = self.asking.world
        known = world.known.functions | world.functions
        for effect in effects:
            name = (effect.object.schema, effect.object.name)
            if effect.object.kind is ObjectKind.FUNCTION and effect.verb is Verb.USE and name in known:
                self._decides(f"which calls {'.'.join(name)}")
                return

    def _decides(self, which: str) -> None:
        self.asking.world.doubt_everything(
            self.reach, f"rows may be changed first by {self.asking.by}, {which}"
        )


def _asks(statement: Statement) -> bool:
    text = statement.sql.lstrip(" \n\t(").upper()
    return statement.reads or text.startswith(_ASKS) or " RETURNING " in text


def _index(asking: Asking, node: Node) -> None:
    table = asking.table(node.relation) if node.unique else None
    if table is not None:
        adds_index(asking, table, node)


def _partition(asking: Asking, node: Node) -> None:
    """CREATE TABLE … PARTITION OF."""
    if not node.HasField("partbound") or node.partbound.is_default:
        return
    parent = asking.world.table(asking.relation(node.inh_relations[0].range_var))
    if parent is None or parent.today is None:
        return
    key = asking.world.known.partition_key(parent.today)
    within = None if key is None else within_bound(key, node.partbound)
    asks_default(asking, parent, within, f"{node.relation.relname} of {parent}")


_QUESTIONS: dict[str, Callable[[Asking, Node], None]] = {
    "alter_table_stmt": alters_table,
    "index_stmt": _index,
    "alter_domain_stmt": alters_domain,
    "delete_stmt": deletes,
    "update_stmt": updates,
    "create_stmt": _partition,
}
