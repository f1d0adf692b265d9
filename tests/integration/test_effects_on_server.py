"""What is read from SQL against what PostgreSQL makes of the same SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.names import RevisionKey
from coordinator.revisions.effects import effects_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.target import DatabaseUrl

LONG = "a_name_that_is_long_enough_to_be_cut_by_postgresql"


@pytest.fixture
def connection(database: DatabaseUrl) -> Iterator[psycopg.Connection]:
    with psycopg.connect(make_conninfo(**dict(database.parameters)), autocommit=True) as opened:
        opened.execute("create schema crm")
        opened.execute("set search_path to crm")
        yield opened


def created(sql: str, kind: ObjectKind) -> set[tuple[str, str]]:
    capture = Capture(
        key=RevisionKey("crm", "a1"), direction=Direction.UPGRADE, statements=(Statement(sql=sql, line=1),)
    )
    found = effects_of(capture, schema="crm")
    assert found.unknown == ()
    return {
        (each.object.name, each.object.part) for each in found.of(Verb.CREATE) if each.object.kind is kind
    }


@pytest.mark.postgres
@pytest.mark.parametrize(
    "sql",
    [
        "create table t(id int primary key, c int unique, d int check (d > 0), e int references t(id))",
        "create table t(a int, b int, primary key (a, b), unique (b, a), foreign key (b, a) references t(a, b))",
        f"create table t_{LONG}({LONG} int unique, id int primary key)",
        f"create table é_{LONG}(é_{LONG} int unique, id int primary key)",
    ],
)
def test_constraints_get_the_names_that_postgresql_gives_them(
    connection: psycopg.Connection, sql: str
) -> None:
    connection.execute(sql.encode())
    rows = connection.execute(
        "select conrelid::regclass::text, conname from pg_constraint"
        " where connamespace = 'crm'::regnamespace and contype <> 'n'"
    ).fetchall()
    assert created(sql, ObjectKind.CONSTRAINT) == {(table.strip('"'), name) for table, name in rows}


@pytest.mark.postgres
@pytest.mark.parametrize(
    "query",
    [
        "select 1, now(), 1 + 1 as sum, id::text, coalesce(id, 0), case when true then 1 end from t",
        "select id, t.c, (select max(c) from t), exists (select 1), array(select 1), '1'::int from t",
        "with w as (select id as x from t) select x, upper(c::text) from w, t",
        "select c as a from t union select id from t",
        "values (1, 2)",
        "select least(1, 2), greatest(1, 2), nullif(1, 2), current_date, localtime(2), array[1]",
    ],
)
def test_the_columns_of_a_view_have_the_names_that_postgresql_gives_them(
    connection: psycopg.Connection, query: str
) -> None:
    connection.execute("create table t(id int, c int)")
    sql = f"create view v as {query}"
    connection.execute(sql.encode())
    rows = connection.execute(
        "select attname from pg_attribute where attrelid = 'v'::regclass and attnum > 0"
    ).fetchall()
    assert created(sql, ObjectKind.COLUMN) == {("v", name) for (name,) in rows}
