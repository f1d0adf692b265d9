"""What one command names and writes, with every name as it was written: those without a schema are left without."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import Holding
from coordinator.model.known_objects import BARE
from coordinator.sql.calls import calls_in
from coordinator.sql.given_values import places_given, places_of_default, set_in
from coordinator.sql.namespace import Namespace
from coordinator.sql.nodes import children, given, name_of, strings, unwrap
from coordinator.sql.parser import body_queries, parse
from coordinator.sql.reading import Reading
from coordinator.sql.statements import read_command
from coordinator.sql.tree import SqlSyntaxError
from coordinator.sql.unique_keys import key_over
from coordinator.sql.watching import WatchingReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from coordinator.model.beside import Beside
    from coordinator.model.effect import Effect, ObjectName
    from coordinator.model.known_objects import KnownObjects
    from coordinator.model.unique_key import UniqueKey
    from coordinator.sql.calls import Call
    from coordinator.sql.tree import Node, Tree
    from coordinator.sql.watching import Named

_NEW_AND_OLD = re.compile(r"\b(?:new|old)\s*\.\s*(\"[^\"]+\"|[a-z_]\w*)", re.IGNORECASE)
_QUERIES = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "CallStmt"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Insert:
    """Rows put into a relation: the columns that get a value, None when they are given by position.

    `width` is how many values stand in a row; None when a query gives them. `conflict` is the unique key that
    ON CONFLICT relies on. `named` are all columns in the order of the values, `places` those of values that are no DEFAULT
    (None: all).
    """

    relation: ObjectName
    columns: tuple[str, ...] | None = None
    width: int | None = None
    conflict: UniqueKey | None = None
    named: tuple[str, ...] = ()
    places: frozenset[int] | None = None

    def forces(self, columns: tuple[str, ...] | None) -> tuple[str, ...]:
        """Those that get a value of their own, of the named columns or of these by position."""
        return tuple(
            each
            for place, each in enumerate(self.named or columns or ())
            if self.places is None or place in self.places
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What a function's body, or a statement, does. `effects` have the verbs USE and WRITE alone.

    `set` are the columns that UPDATE and its like give a value, `row_fields` the columns of NEW and OLD that a trigger
    function names; `constants`, `compared` and `computed` are those of WatchingReader. `unknown`: why this is not all.
    """

    effects: tuple[Effect, ...] = ()
    inserts: tuple[Insert, ...] = ()
    calls: tuple[Call, ...] = ()
    set: frozenset[ObjectName] = frozenset()
    row_fields: tuple[str, ...] = ()
    constants: frozenset[str] = frozenset()
    compared: tuple[tuple[Named, Named | Beside], ...] = ()
    computed: frozenset[ObjectName] = frozenset()
    holding: Holding = Holding.TEXT
    unknown: tuple[str, ...] = ()

    def forces(self, relation: ObjectName, known: KnownObjects, path: Sequence[str]) -> tuple[str, ...]:
        """The columns of a relation that UPDATE and its like give a value; `path` is that of unqualified names."""
        meant = (known.home(each, path) for each in self.set)
        return tuple(sorted(each.part for each in meant if each is not None and each.relation == relation))


def read_statement(tree: Tree) -> Body:
    """What one command does that somebody runs from code."""
    reading = Reading(Namespace(BARE))
    reader = WatchingReader(reading)
    if name_of(tree.node) in _QUERIES and not _makes_a_table(tree.node):
        reader.query(tree.node)
    else:
        read_command(reading, tree)
    return _body(reading, reader, [tree.node])


def _makes_a_table(node: Node) -> bool:
    return name_of(node) == "SelectStmt" and bool(node.HasField("into_clause"))


def _body(
    reading: Reading,
    reader: WatchingReader,
    nodes: Sequence[Node],
    *,
    fields: tuple[str, ...] = (),
    holding: Holding = Holding.TEXT,
) -> Body:
    return Body(
        effects=tuple(reading.effects),
        inserts=tuple(each for node in nodes for each in _inserts(node, reading.names)),
        calls=tuple(each for node in nodes for each in calls_in(node, reading.names)),
        set=frozenset(each for node in nodes for each in set_in(node, reading.names)),
        row_fields=fields,
        constants=frozenset(reader.constants),
        compared=tuple(reader.compared),
        computed=frozenset(reader.computed),
        holding=holding,
        unknown=tuple(reading.unknown),
    )


def read_body(definition: str) -> Body:
    """What the body of one CREATE FUNCTION or CREATE PROCEDURE does, in `sql` or `plpgsql`.

    Never raises for a text: what cannot be parsed is `unknown`, and so is dynamic SQL.
    """
    try:
        (tree,) = parse(definition)
    except (SqlSyntaxError, ValueError):
        return Body(unknown=("it cannot be parsed",))
    options = {item.def_elem.defname: unwrap(item.def_elem.arg) for item in tree.node.options}
    language = options["language"].sval.lower() if "language" in options else "sql"
    reading = Reading(Namespace(BARE))
    reader = WatchingReader(reading)
    nodes = list(_statements(reading, tree, language, options))
    for each in nodes:
        reader.query(each)
    is_late = language == "plpgsql"
    is_kept_as_a_tree = given(tree.node, "sql_body") is not None
    return _body(
        reading,
        reader,
        nodes,
        fields=row_fields(definition) if is_late else (),
        holding=Holding.LATE if is_late else Holding.FIRM if is_kept_as_a_tree else Holding.TEXT,
    )


def row_fields(definition: str) -> tuple[str, ...]:
    """The names behind NEW. and OLD. in a text, each once."""
    found = _NEW_AND_OLD.findall(definition)
    return tuple(dict.fromkeys(each[1:-1] if each.startswith('"') else each.lower() for each in found))


def _statements(reading: Reading, tree: Tree, language: str, options: dict[str, Node]) -> Iterator[Node]:
    body = given(tree.node, "sql_body")
    if body is not None:
        yield body
    elif language == "sql" and "as" in options:
        yield from _parsed(reading, strings(options["as"].items)[0])
    elif language == "plpgsql":
        yield from _plpgsql(reading, tree.sql)
    elif language not in {"c", "internal"}:
        reading.not_known(f"its body is written in {language}")


def _plpgsql(reading: Reading, definition: str) -> Iterator[Node]:
    try:
        queries = body_queries(definition)
    except SqlSyntaxError as error:
        reading.not_known(f"its body cannot be parsed: {error.reason}")
        return
    for query in queries:
        if query.dynamic:
            reading.not_known("it runs dynamic SQL (EXECUTE)")
        yield from _parsed(reading, f"SELECT {query.sql}" if query.expression else query.sql)


def _parsed(reading: Reading, text: str) -> Iterator[Node]:
    try:
        trees = parse(text)
    except SqlSyntaxError:
        reading.not_known("a part of its body cannot be parsed")
        return
    yield from (tree.node for tree in trees if name_of(tree.node) in _QUERIES)


def _inserts(node: Node, names: Namespace) -> Iterator[Insert]:
    """Every INSERT in a command, those inside WITH too; COPY … FROM adds rows as well."""
    if name_of(node) == "InsertStmt":
        named = tuple(item.res_target.name for item in node.cols)
        unsaid = places_of_default(node)
        columns = tuple(each for place, each in enumerate(named) if place not in unsaid) if named else None
        source = given(node, "select_stmt")
        width = None
        if source is None:  # DEFAULT VALUES
            columns = ()
        elif source.values_lists:
            width = len(source.values_lists[0].list.items)
        yield Insert(
            relation=names.relation(node.relation),
            columns=columns,
            width=width,
            conflict=_conflict(node),
            named=named,
            places=places_given(node),
        )
    elif name_of(node) == "CopyStmt" and node.is_from:
        columns = strings(node.attlist) or None
        yield Insert(relation=names.relation(node.relation), columns=columns, places=frozenset())
    for child in children(node):
        yield from _inserts(child, names)


def _conflict(node: Node) -> UniqueKey | None:
    clause = given(node, "on_conflict_clause")
    if clause is None or not clause.HasField("infer") or not clause.infer.index_elems:
        return None
    return key_over(clause.infer.index_elems, clause.infer)
