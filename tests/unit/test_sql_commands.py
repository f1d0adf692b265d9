"""Each command of a text is told apart by what it would do to the coordinator's transaction and session."""

from __future__ import annotations

import pytest

from coordinator.sql.command import CommandKind
from coordinator.sql.parser import body_queries, commands
from coordinator.sql.tree import SqlSyntaxError

TRANSACTION, SAVEPOINT, SESSION = CommandKind.TRANSACTION, CommandKind.SAVEPOINT, CommandKind.SESSION
ALONE, PLAIN, ENUM_VALUE = CommandKind.ALONE, CommandKind.PLAIN, CommandKind.ENUM_VALUE


@pytest.mark.parametrize(
    ("sql", "kind", "verb", "name"),
    [
        ("COMMIT", TRANSACTION, "COMMIT", None),
        ("end", TRANSACTION, "COMMIT", None),
        ("abort", TRANSACTION, "ROLLBACK", None),
        ("start transaction", TRANSACTION, "BEGIN", None),
        ("prepare transaction 'x'", TRANSACTION, "PREPARE TRANSACTION", "x"),
        ("rollback prepared 'x'", TRANSACTION, "ROLLBACK PREPARED", "x"),
        ("set transaction isolation level serializable", TRANSACTION, "SET TRANSACTION", None),
        ("savepoint a", SAVEPOINT, "SAVEPOINT", "a"),
        ("release savepoint a", SAVEPOINT, "RELEASE", "a"),
        ("rollback to a", SAVEPOINT, "ROLLBACK TO", "a"),
        ("set search_path to a, b", SESSION, "SET", "search_path"),
        ("set role x", SESSION, "SET", "role"),
        ("set session authorization x", SESSION, "SET", "session_authorization"),
        ("set session characteristics as transaction read only", SESSION, "SET", "SESSION CHARACTERISTICS"),
        ("reset all", SESSION, "RESET", None),
        ("discard all", SESSION, "DISCARD", None),
        ("listen x", SESSION, "LISTEN", "x"),
        ("prepare q as select 1", SESSION, "PREPARE", "q"),
        ("select pg_catalog.set_config('search_path', '', false)", SESSION, "SET", "search_path"),
        ("declare c cursor with hold for select 1", SESSION, "DECLARE CURSOR", "c"),
        ("create index concurrently i on t(a)", ALONE, "CREATE INDEX CONCURRENTLY", "i"),
        ("drop index concurrently i", ALONE, "DROP INDEX CONCURRENTLY", None),
        ("reindex (concurrently) table t", ALONE, "REINDEX CONCURRENTLY", "t"),
        ("reindex database d", ALONE, "REINDEX DATABASE", "d"),
        ("vacuum t", ALONE, "VACUUM", None),
        ("cluster", ALONE, "CLUSTER", None),
        ("alter table t detach partition p concurrently", ALONE, "DETACH PARTITION CONCURRENTLY", None),
        ("alter system set x = 1", ALONE, "ALTER SYSTEM", None),
        ("create database d", ALONE, "CREATE DATABASE", None),
        ("create subscription s connection 'x' publication p", ALONE, "CREATE SUBSCRIPTION", "s"),
        ("alter type one.t add value if not exists 'x'", ENUM_VALUE, "ALTER TYPE ADD VALUE", "one.t"),
    ],
)
def test_a_command_that_matters_to_the_transaction_is_named(
    sql: str, kind: CommandKind, verb: str, name: str | None
) -> None:
    (command,) = commands(sql)
    assert (command.kind, command.verb, command.name) == (kind, verb, name)


@pytest.mark.parametrize(
    "sql",
    [
        "create table t(i int)",
        "insert into t values ('COMMIT; set role x')",
        "create index i on t(a)",
        "reindex table t",
        "analyze",
        "cluster t",
        "drop index i",
        "alter type t rename value 'a' to 'b'",
        "create subscription s connection 'x' publication p with (create_slot = false)",
        "declare c cursor for select 1",
        "create function f() returns text language sql as $$ select set_config('a', 'b', true) $$",
        "set constraints all immediate",
        "show search_path",
    ],
)
def test_what_belongs_inside_any_transaction_is_plain(sql: str) -> None:
    assert [command.kind for command in commands(sql)] == [PLAIN]


def test_set_local_and_a_local_set_config_end_with_the_transaction() -> None:
    assert commands("set local role x")[0].local
    assert commands("select set_config('role', 'x', true)")[0].local
    assert not commands("select set_config('role', 'x', false)")[0].local


def test_a_text_is_split_into_commands_with_their_places_in_characters() -> None:
    found = commands("-- é\nselect 'é;' ; ;\ncommit;")
    assert [(command.sql, command.kind) for command in found] == [
        ("select 'é;'", PLAIN),
        ("commit", TRANSACTION),
    ]
    assert [command.offset for command in found] == [5, 21]


def test_a_commit_behind_another_command_is_found() -> None:
    found = commands("insert into t values (1); COMMIT")
    assert [command.kind for command in found] == [PLAIN, TRANSACTION]


@pytest.mark.parametrize("sql", ["", "  ", "-- only a comment", ";;"])
def test_a_text_without_a_command_has_none(sql: str) -> None:
    assert commands(sql) == ()


def test_bad_sql_is_refused_with_its_place() -> None:
    with pytest.raises(SqlSyntaxError, match="line 2, column 13") as caught:
        commands("select 'é';\nselect 'ü', from t")
    assert (caught.value.line, caught.value.column, caught.value.offset) == (2, 13, 24)


def test_the_queries_of_a_trigger_function_are_read_although_its_hidden_variables_are_printed_wrong() -> None:
    body = "begin new.a := old.b || (select c from one.t); insert into log values ('{}},'); return null; end"
    found = body_queries(f"create function f() returns trigger language plpgsql as $$ {body} $$")
    assert [query.sql.strip() for query in found] == [
        "old.b || (select c from one.t)",
        "insert into log values ('{}},')",
        "null",
    ]


def test_dynamic_sql_in_a_function_is_marked_as_such() -> None:
    loop = "for r in execute 'b' loop end loop"
    body = f"declare r record; begin execute 'a' using 1; {loop}; return query execute 'c'; end"
    found = body_queries(f"create function f() returns setof int language plpgsql as $$ {body} $$")
    assert [query.sql for query in found if query.dynamic] == ["'a'", "'b'", "'c'"]
