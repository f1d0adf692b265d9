"""What CREATE FUNCTION, DO and CALL do: what a body names is held, and dynamic SQL is unknown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import Holding, ObjectKind, ObjectName, Verb
from coordinator.sql.nodes import given, name_of, strings, unwrap
from coordinator.sql.parser import body_queries, parse
from coordinator.sql.queries import QueryReader
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from coordinator.sql.reading import Reading
    from coordinator.sql.tree import Node


def create_function(reading: Reading, node: Node, sql: str) -> None:
    """CREATE FUNCTION and CREATE PROCEDURE, with the body in SQL or plpgsql."""
    function = reading.names.listed(ObjectKind.FUNCTION, node.funcname)
    if node.replace:
        reading.add(Verb.REPLACE, function)
    for item in node.parameters:
        reading.use_type(item.function_parameter.arg_type, holder=function)
    if node.HasField("return_type"):
        reading.use_type(node.return_type, holder=function)
    _read_body(reading, node, function, sql)
    reading.add(Verb.CREATE, function, conditional=bool(node.replace))


def _read_body(reading: Reading, node: Node, function: ObjectName, sql: str) -> None:
    options = {item.def_elem.defname: unwrap(item.def_elem.arg) for item in node.options}
    body = given(node, "sql_body")
    if body is not None:
        QueryReader(reading, function).query(body)
        return
    language = options["language"].sval.lower() if "language" in options else "sql"
    if language == "sql" and "as" in options:
        _read_sql(reading, function, strings(options["as"].items)[0])
    elif language == "plpgsql":
        _read_plpgsql(reading, function, sql)
    elif language not in {"c", "internal"}:
        reading.not_known(f"the body of function '{function}' is written in {language}")


def _read_sql(reading: Reading, function: ObjectName, body: str) -> None:
    reader = QueryReader(reading, function, Holding.TEXT)
    try:
        trees = parse(body)
    except SqlSyntaxError as error:
        reading.not_known(f"the body of function '{function}' cannot be parsed: {error.reason}")
        return
    for tree in trees:
        reader.query(tree.node)


def _read_plpgsql(reading: Reading, function: ObjectName, sql: str) -> None:
    reader = QueryReader(reading, function, Holding.LATE)
    try:
        queries = body_queries(sql)
    except SqlSyntaxError as error:
        reading.not_known(f"the body of function '{function}' cannot be parsed: {error.reason}")
        return
    for query in queries:
        if query.dynamic:
            reading.not_known(f"function '{function}' runs dynamic SQL")
        try:
            trees = parse(f"SELECT {query.sql}" if query.expression else query.sql)
        except SqlSyntaxError:
            # Some plpgsql expressions are no SQL by themselves (`old.*` targets, record fields).
            reading.not_known(f"a part of function '{function}' cannot be parsed")
            continue
        for tree in trees:
            reader.query(tree.node)


def do_block(reading: Reading, _: Node, sql: str) -> None:
    """A DO block: the queries in it may or may not run, so they are uses and the whole is unknown."""
    reading.not_known("a DO block decides at run time what it does")
    try:
        queries = body_queries(sql)
    except SqlSyntaxError:
        return
    for query in queries:
        try:
            trees = parse(f"SELECT {query.sql}" if query.expression else query.sql)
        except SqlSyntaxError:
            continue
        for tree in trees:
            if name_of(tree.node) in _QUERIES:
                QueryReader(reading).query(tree.node)


_QUERIES = frozenset({"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})


def call(reading: Reading, node: Node) -> None:
    """CALL of a procedure: what it does inside is not known here."""
    function = node.funccall
    name = reading.names.listed(ObjectKind.FUNCTION, function.funcname)
    QueryReader(reading).expression(function)
    reading.not_known(f"procedure '{name}' decides at run time what it does")


def alter_function(reading: Reading, node: Node) -> None:
    """ALTER FUNCTION: its properties change, its body does not."""
    reading.use(reading.names.listed(ObjectKind.FUNCTION, node.func.objname))
