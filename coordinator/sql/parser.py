"""PostgreSQL's own grammar, behind one door: the only file that knows postgast."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from coordinator.sql.command import Command, CommandKind, classify
from coordinator.sql.declared_types import REFUSAL, acceptable, make_acceptable, needs_help
from coordinator.sql.nodes import name_of, unwrap
from coordinator.sql.record_fields import field_queries
from coordinator.sql.tree import BodyQuery, Node, SqlSyntaxError, Tree

if TYPE_CHECKING:
    from coordinator.sql.declared_types import Declared, Word


def commands(sql: str) -> tuple[Command, ...]:
    """The commands of one text, in order, each classified (see CommandKind); () for a text without any.

    A single command that can only be plain is returned without being parsed, so a mistake in it is left to
    the server; every other text is parsed. Raises SqlSyntaxError with the place of the first mistake.
    """
    if _is_surely_plain(sql):
        return (Command(kind=CommandKind.PLAIN, sql=sql.strip().removesuffix(";").rstrip()),)
    return tuple(classify(tree) for tree in parse(sql))


def parse(sql: str) -> tuple[Tree, ...]:
    """Split a text into its commands and parse each. Raises SqlSyntaxError with the first mistake's place."""
    import postgast

    try:
        result = postgast.parse(sql)
    except postgast.PgQueryError as error:
        raise _mistake(sql, error) from error
    except UnicodeEncodeError as error:
        raise SqlSyntaxError("half of a character stands alone", sql=sql, offset=error.start) from error
    encoded = None if sql.isascii() else sql.encode()
    return tuple(_tree(sql, encoded, raw) for raw in result.stmts)


def written(tree: Tree) -> str:
    """A command's tree, perhaps changed, as SQL again."""
    import postgast

    result = postgast.pg_query_pb2.ParseResult()
    result.stmts.add().stmt.CopyFrom(tree.whole)
    return str(postgast.deparse(result))


def expression_text(node: Node) -> str:
    """One expression of a command's tree as SQL again, comments left out; it can stand in brackets anywhere."""
    import postgast

    result = postgast.parse("SELECT 1")
    field = node.DESCRIPTOR.name
    value = result.stmts[0].stmt.select_stmt.target_list[0].res_target.val
    if field == "Node":
        value.CopyFrom(node)
    else:
        kind = next(
            each.name
            for each in value.DESCRIPTOR.fields
            if each.message_type and each.message_type.name == field
        )
        getattr(value, kind).CopyFrom(node)
    return str(postgast.deparse(result)).removeprefix("SELECT ")


def type_text(node: Node) -> str:
    """A type's name as SQL again, with what limits it."""
    import postgast

    result = postgast.parse("SELECT NULL::integer")
    result.stmts[0].stmt.select_stmt.target_list[0].res_target.val.type_cast.type_name.CopyFrom(node)
    return str(postgast.deparse(result)).removeprefix("SELECT NULL::")


def quoted_name(name: str) -> str:
    """A column's name as an expression, quoted where it must be."""
    import postgast

    tree = postgast.parse("SELECT x")
    tree.stmts[0].stmt.select_stmt.target_list[0].res_target.val.column_ref.fields[0].string.sval = name
    return str(postgast.deparse(tree)).removeprefix("SELECT ")


def body_queries(sql: str) -> tuple[BodyQuery, ...]:
    """The queries and expressions inside one `CREATE FUNCTION … LANGUAGE plpgsql` or `DO` command, in order.

    Raises SqlSyntaxError when the body is not plpgsql.
    """
    functions, variables = _read_body(sql)
    found: list[BodyQuery] = [BodyQuery(sql=_names_type(each)) for each in variables]
    _collect(functions, found)
    found.extend(BodyQuery(sql=each) for each in field_queries(functions, variables, _whole_relation))
    return tuple(found)


def _names_type(variable: Declared) -> str:
    """A query that uses the type of a variable, and no more."""
    return f"SELECT 1 FROM {variable.type}" if variable.is_row else f"SELECT NULL::{variable.type}"  # noqa: S608 - parsed, never sent


def _whole_relation(query: str) -> str | None:
    """The relation whose every column, and nothing else, a query gives; None for any other query."""
    try:
        (tree,) = parse(query)
    except (SqlSyntaxError, ValueError):
        return None
    node = tree.node
    if tree.kind != "select_stmt" or len(node.from_clause) != 1 or len(node.target_list) != 1:
        return None
    source, target = unwrap(node.from_clause[0]), unwrap(node.target_list[0].res_target.val)
    if name_of(source) != "RangeVar" or name_of(target) != "ColumnRef" or len(target.fields) != 1:
        return None
    if target.fields[0].WhichOneof("node") != "a_star":
        return None
    words = (source.schemaname, source.relname) if source.schemaname else (source.relname,)
    return ".".join('"{}"'.format(word.replace('"', '""')) for word in words)


def _read_body(sql: str) -> tuple[Any, tuple[Declared, ...]]:
    """What libpg_query prints of a body, and the variables whose types had to be changed for that."""
    if not needs_help(sql):
        try:
            return _parsed_body(sql), ()
        except SqlSyntaxError as error:
            if REFUSAL not in error.reason:
                raise
    readable, variables = _with_acceptable_types(sql)
    return _parsed_body(readable), variables


def _parsed_body(sql: str) -> Any:
    import postgast

    try:
        return postgast.parse_plpgsql(sql)
    except postgast.PgQueryError as error:
        raise _mistake(sql, error) from error
    except json.JSONDecodeError as error:
        return json.loads(_repair(error.doc))


def _with_acceptable_types(sql: str) -> tuple[str, tuple[Declared, ...]]:
    import postgast

    try:
        result = postgast.parse(sql)
    except postgast.PgQueryError as error:
        raise _mistake(sql, error) from error
    statement = unwrap(result.stmts[0].stmt)
    make_acceptable(statement)
    variables: tuple[Declared, ...] = ()
    for item in statement.options if name_of(statement) == "CreateFunctionStmt" else statement.args:
        if item.def_elem.defname == "as":
            text = unwrap(item.def_elem.arg)
            text = text if name_of(text) == "String" else text.items[0].string
            text.sval, variables = acceptable(text.sval, _words(text.sval))
    return str(postgast.deparse(result)), variables


def _words(text: str) -> tuple[Word, ...]:
    import postgast

    encoded = text.encode()
    comments = {postgast.pg_query_pb2.Token.Value(name) for name in ("SQL_COMMENT", "C_COMMENT")}
    return tuple(
        (token.start, token.end, encoded[token.start : token.end].decode())
        for token in postgast.scan(text).tokens
        if token.token not in comments
    )


def identifiers(sql: str) -> tuple[str, ...]:
    """The names in a text as they are written, quotes taken off, before PostgreSQL cuts them to 63 bytes.

    Keywords, comments and literals are not among them. Raises SqlSyntaxError for what has no end.
    """
    import postgast

    try:
        tokens = postgast.scan(sql).tokens
    except postgast.PgQueryError as error:
        raise _mistake(sql, error) from error
    encoded, kind = sql.encode(), postgast.pg_query_pb2.Token.Value("IDENT")
    texts = (encoded[token.start : token.end].decode() for token in tokens if token.token == kind)
    return tuple(text[1:-1].replace('""', '"') if text.startswith('"') else text for text in texts)


def bare(sql: str) -> str:
    """The text on one line, without its comments and with `''` for each text literal, for programs that lint it.

    In commands that read or change rows every number is 0, so that nobody's values go with it. Raises SqlSyntaxError
    for what has no end.
    """
    import postgast

    try:
        tokens = postgast.scan(sql).tokens
    except postgast.PgQueryError as error:
        raise _mistake(sql, error) from error
    value = postgast.pg_query_pb2.Token.Value
    comments = {value("SQL_COMMENT"), value("C_COMMENT")}
    texts = {value(name) for name in ("SCONST", "USCONST", "BCONST", "XCONST")}
    numbers = {value("ICONST"), value("FCONST")}
    words: list[str] = []
    encoded, end = sql.encode(), -1
    for token in tokens:
        if token.token in comments:
            continue
        word = encoded[token.start : token.end].decode()
        if not words and word.upper() not in _ROWS:
            numbers = set()
        if token.token in texts:
            word = "''"
        elif token.token in numbers:
            word = "0"
        words.append(word if token.start == end else f" {word}")
        end = token.end
    return " ".join("".join(words).split())


_ROWS = frozenset({"SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "MERGE"})

_PLAIN_WORDS = re.compile(
    r"\s*(?:insert\s+into|update|delete\s+from|comment\s+on|create\s+table|alter\s+table|drop\s+table"
    r"|create\s+(?:unique\s+)?index|drop\s+index)\s",
    re.IGNORECASE,
)
_CONCURRENTLY = re.compile("concurrently", re.IGNORECASE)


def _is_surely_plain(sql: str) -> bool:
    """Whether this is one command that needs no parsing to be known as plain."""
    if _PLAIN_WORDS.match(sql) is None or ";" in sql.rstrip().removesuffix(";"):
        return False
    return _CONCURRENTLY.search(sql) is None


def _tree(sql: str, encoded: bytes | None, raw: Node) -> Tree:
    start, length = raw.stmt_location, raw.stmt_len
    if encoded is None:
        text, offset = sql[start : start + length] if length else sql[start:], start
    else:
        part = encoded[start : start + length] if length else encoded[start:]
        text, offset = part.decode(), len(encoded[:start].decode())
    kind = raw.stmt.WhichOneof("node")
    return Tree(sql=text.strip(), offset=offset, kind=kind, node=getattr(raw.stmt, kind), whole=raw.stmt)


def _mistake(sql: str, error: Any) -> SqlSyntaxError:
    # Positions of mistakes count characters from 1 (those of trees count bytes); 0 means not known.
    return SqlSyntaxError(error.message, sql=sql, offset=max(error.cursorpos - 1, 0))


# libpg_query 18 prints one brace too many for each hidden variable (TG_OP and so on) of a trigger function.
_HIDDEN_VARIABLE = re.compile(r"(?<=[\[,])\{\}\}(?=[,\]])")


def _repair(document: str) -> str:
    variables, action, rest = document.partition('"action":')
    return _HIDDEN_VARIABLE.sub("{}", variables) + action + rest


# libpg_query's numbers of plpgsql parse modes: a query is 0, a type name 1, an expression 2, assignments 3-5.
_EXPRESSION, _ASSIGNMENTS = 2, frozenset({3, 4, 5})
_DYNAMIC = frozenset({"PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"})


def _collect(value: Any, found: list[BodyQuery], *, inside: str = "", field: str = "") -> None:
    """Walk the printed body. `inside` is the statement, `field` its part, that tell a dynamic query."""
    if isinstance(value, list):
        for item in value:
            _collect(item, found, inside=inside, field=field)
    elif isinstance(value, dict):
        for name, item in value.items():
            if name == "PLpgSQL_expr":
                found.append(
                    _body_query(
                        item, dynamic=field == "dynquery" or (inside in _DYNAMIC and field == "query")
                    )
                )
            elif name == "PLpgSQL_type":
                found.extend(_borrowed_type(item["typname"]))
            else:
                is_node = name.startswith("PLpgSQL_")
                _collect(item, found, inside=name if is_node else inside, field="" if is_node else name)


_BORROWED = re.compile(r"(?P<relation>.+?)(?:\.(?P<column>[^.]+))?%type|(?P<row>.+)%rowtype", re.IGNORECASE)


def _borrowed_type(text: str) -> tuple[BodyQuery, ...]:
    """A variable's `table.column%TYPE` or `table%ROWTYPE`, as the query that would read the same."""
    match = _BORROWED.fullmatch(text)
    if match is None:
        return ()
    if match["row"]:
        return (BodyQuery(sql=f"SELECT 1 FROM {match['row']}"),)  # noqa: S608 - parsed, never sent
    # `other_variable%TYPE` has no dot and names no table.
    if not match["column"]:
        return ()
    return (BodyQuery(sql=f"SELECT {match['column']} FROM {match['relation']}"),)  # noqa: S608 - parsed, never sent


def _body_query(expression: dict[str, Any], *, dynamic: bool) -> BodyQuery:
    text, mode = expression["query"], expression.get("parseMode", 0)
    if mode in _ASSIGNMENTS:
        text = re.split(r":?=", text, maxsplit=1)[1]
    return BodyQuery(sql=text, dynamic=dynamic, expression=mode == _EXPRESSION or mode in _ASSIGNMENTS)
