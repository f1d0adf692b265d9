"""What one statement does to the objects of a database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.change import ChangeType
from coordinator.model.names import RevisionKey
from coordinator.revisions.effects import effects_of

if TYPE_CHECKING:
    from coordinator.model.effect import Effect, RevisionEffects

KEY = RevisionKey("crm", "a1")


def read(*statements: str, unknown: tuple[str, ...] = (), error: str | None = None) -> RevisionEffects:
    return effects_of(
        Capture(
            key=KEY,
            direction=Direction.UPGRADE,
            statements=tuple(Statement(sql=sql, line=line) for line, sql in enumerate(statements, start=10)),
            unknown=unknown,
            error=error,
        ),
        schema="crm",
    )


def told(effect: Effect) -> str:
    text = (
        f"{effect.verb.name.lower()} {effect.object.kind.value} {effect.object}{'.*' if effect.every else ''}"
    )
    if effect.to is not None:
        text += f" -> {effect.to}"
    if effect.alternatives:
        text += f" or {', '.join(map(str, effect.alternatives))}"
    return text + (f" by {effect.holder.kind.value} {effect.holder}" if effect.holder else "")


def effects(*statements: str) -> list[str]:
    return [told(effect) for effect in read(*statements).effects]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        (
            "create table t(id int primary key, c crm.mood references agenda.s(id))",
            [
                "create relation crm.t",
                "create column crm.t.id",
                "create constraint crm.t.t_pkey",
                "create column crm.t.c",
                "hold type crm.mood or crm.mood by column crm.t.c",
                "create constraint crm.t.t_c_fkey",
                "hold relation agenda.s by constraint crm.t.t_c_fkey",
                "hold column agenda.s.id by constraint crm.t.t_c_fkey",
            ],
        ),
        (
            "create table t(a int, b int, constraint k foreign key (a, b) references s)",
            [
                "create relation crm.t",
                "create column crm.t.a",
                "create column crm.t.b",
                "create constraint crm.t.k",
                "use column crm.t.a",
                "use column crm.t.b",
                "hold relation crm.s by constraint crm.t.k",
                "hold constraint crm.s.s_pkey by constraint crm.t.k",
            ],
        ),
        (
            "create table t as select a, b as x from agenda.s",
            [
                "use relation agenda.s",
                "use column agenda.s.a",
                "use column agenda.s.b",
                "create relation crm.t",
                "create column crm.t.a",
                "create column crm.t.x",
            ],
        ),
        (
            "create or replace view v as select * from agenda.s",
            [
                "replace relation crm.v",
                "hold relation agenda.s by relation crm.v",
                "hold relation agenda.s.* by relation crm.v",
                "create relation crm.v",
            ],
        ),
        ("alter table t rename c to d", ["use relation crm.t", "rename column crm.t.c -> crm.t.d"]),
        ("alter table t rename to u", ["rename relation crm.t -> crm.u"]),
        ("alter table t set schema old", ["use schema old", "rename relation crm.t -> old.t"]),
        (
            "alter table t rename constraint a to b",
            ["use relation crm.t", "rename constraint crm.t.a -> crm.t.b"],
        ),
        ("alter table t alter c type text", ["use relation crm.t", "retype column crm.t.c"]),
        (
            "alter table t add d int not null, drop c cascade",
            ["use relation crm.t", "create column crm.t.d", "tighten relation crm.t", "drop column crm.t.c"],
        ),
        ("alter table t add d int not null default 1", ["use relation crm.t", "create column crm.t.d"]),
        (
            "alter table t alter c set default nextval('agenda.q')",
            [
                "use relation crm.t",
                "use column crm.t.c",
                "replace default crm.t.c",
                "hold function crm.nextval by default crm.t.c",
                "hold sequence agenda.q by default crm.t.c",
            ],
        ),
        ("drop table if exists a, agenda.b cascade", ["drop relation crm.a", "drop relation agenda.b"]),
        ("drop trigger g on agenda.t", ["drop trigger agenda.t.g"]),
        ("drop function agenda.f(int)", ["drop function agenda.f"]),
        ("drop schema s cascade", ["drop schema s"]),
        (
            "create type mood as enum ('calm')",
            ["create type crm.mood", "create enum label crm.mood.calm"],
        ),
        (
            "alter type mood rename value 'calm' to 'quiet'",
            ["use type crm.mood", "rename enum label crm.mood.calm -> crm.mood.quiet"],
        ),
        (
            "create trigger g before update of c on agenda.t execute function f()",
            [
                "use relation agenda.t",
                "create trigger agenda.t.g",
                "hold function crm.f by trigger agenda.t.g",
                "hold column agenda.t.c by trigger agenda.t.g",
            ],
        ),
        (
            "create policy p on t using (owner in (select id from agenda.s))",
            [
                "use relation crm.t",
                "create policy crm.t.p",
                "hold column crm.t.owner by policy crm.t.p",
                "hold relation agenda.s by policy crm.t.p",
                "hold column agenda.s.id or crm.t.id by policy crm.t.p",
            ],
        ),
        (
            "create unique index i on agenda.t(c)",
            [
                "use relation agenda.t",
                "use column agenda.t.c",
                "create index agenda.i -> agenda.t",
                "tighten relation agenda.t",
            ],
        ),
        (
            "create table p partition of agenda.t for values in (1)",
            ["create relation crm.p", "hold relation agenda.t by relation crm.p"],
        ),
        ("truncate agenda.t", ["use relation agenda.t", "write relation agenda.t"]),
        ("comment on column agenda.t.c is 'x'", ["use relation agenda.t", "use column agenda.t.c"]),
        ("grant select (c) on agenda.t to reader", ["use relation agenda.t", "use column agenda.t.c"]),
        (
            "copy agenda.t(c) from stdin",
            ["use relation agenda.t", "use column agenda.t.c", "write relation agenda.t"],
        ),
        ("create temp table x as select c from agenda.t", ["use relation agenda.t", "use column agenda.t.c"]),
        ("select relname from pg_class", []),
    ],
)
def test_a_statement_is_read_into_its_effects(sql: str, expected: list[str]) -> None:
    assert [each for each in effects(sql) if each != "use function crm.length"] == expected


@pytest.mark.parametrize(
    ("query", "columns"),
    [
        ("select t.a, b from agenda.t", ["agenda.t.a", "agenda.t.b"]),
        ("select x.a from agenda.t as x", ["agenda.t.a"]),
        ("select agenda.t.a from agenda.t", ["agenda.t.a"]),
        ("select a from s join agenda.t using (id)", ["crm.s.id", "agenda.t.id", "crm.s.a or agenda.t.a"]),
        ("with w as (select a from agenda.t) select w.a from w", ["agenda.t.a"]),
        ("with w as (select a from agenda.t) select a from w", ["agenda.t.a"]),
        ("select q.z from (select a as z from agenda.t) q", ["agenda.t.a"]),
        ("select 1 from s where exists (select 1 from agenda.t where t.a = s.b)", ["agenda.t.a", "crm.s.b"]),
        ("select a as n from agenda.t order by n", ["agenda.t.a"]),
        ("select a from agenda.t union select b from s order by a", ["agenda.t.a", "crm.s.b"]),
        ("insert into agenda.t(a) select b from s", ["crm.s.b", "agenda.t.a"]),
        (
            "update agenda.t set a = s.b from s where s.id = t.id",
            ["agenda.t.a", "crm.s.b", "crm.s.id", "agenda.t.id"],
        ),
        ("delete from agenda.t using s where s.id = t.a", ["crm.s.id", "agenda.t.a"]),
        (
            "insert into agenda.t(a) values (1) on conflict (a) do update set b = excluded.c",
            ["agenda.t.a", "agenda.t.b", "agenda.t.c"],
        ),
    ],
)
def test_columns_of_a_query_belong_to_the_right_tables(query: str, columns: list[str]) -> None:
    found = [each.removeprefix("use column ") for each in effects(query) if each.startswith("use column ")]
    assert found == columns


def test_dropping_and_making_again_stays_in_order() -> None:
    assert effects("drop view v; create view v as select 1 as one") == [
        "drop relation crm.v",
        "create relation crm.v",
        "create column crm.v.one",
    ]


def test_a_sql_function_holds_what_its_body_names() -> None:
    body = "create function f() returns bigint language sql as $$ select sum(c) from agenda.t $$"
    assert "hold column agenda.t.c by function crm.f" in effects(body)
    atomic = "create function f() returns bigint begin atomic select sum(c) from agenda.t; end"
    assert "hold column agenda.t.c by function crm.f" in effects(atomic)


def test_a_plpgsql_trigger_function_holds_what_its_body_names() -> None:
    body = """create function f() returns trigger language plpgsql as $$
        declare found_one agenda.t.d%type;
        begin
          if exists (select 1 from agenda.t where t.c = new.c) then insert into log(id) values (new.id); end if;
          return new;
        end $$"""
    found = effects(body)
    assert "hold column agenda.t.c by function crm.f" in found
    assert "hold column crm.log.id by function crm.f" in found
    assert "hold column agenda.t.d by function crm.f" in found
    assert read(body).unknown == ()


def test_a_search_path_moves_the_names_behind_it() -> None:
    assert effects("set search_path to agenda, public", "create table t()") == ["create relation agenda.t"]


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            "do $$ begin update agenda.t set c = 1; end $$",
            "a DO block decides at run time what it does (line 10)",
        ),
        (
            "create function f() returns void language plpgsql as $$ begin execute 'drop table x'; end $$",
            "function 'crm.f' runs dynamic SQL (line 10)",
        ),
        ("call p()", "procedure 'crm.p' decides at run time what it does (line 10)"),
        (
            "create function f() returns void language plpython3u as $$ pass $$",
            "the body of function 'crm.f' is written in plpython3u (line 10)",
        ),
        (
            "selec 1",
            'its SQL cannot be parsed, syntax error at or near "selec" (line 1, column 1 of the statement) (line 10)',
        ),
        ("execute prepared", "what execute does is not read (line 10)"),
    ],
)
def test_what_cannot_be_known_is_unknown_and_never_none(sql: str, reason: str) -> None:
    found = read(sql)
    assert found.unknown == (reason,)
    assert any(change.type is ChangeType.UNKNOWN for change in found.changes)


def test_the_captures_own_unknowns_and_its_failure_are_kept() -> None:
    found = read(unknown=("asked the database at line 12",), error="KeyError: 'x'")
    assert found.unknown == ("asked the database at line 12", "it raised KeyError: 'x'")


def test_a_do_block_still_tells_what_it_uses() -> None:
    assert "use column agenda.t.c" in effects("do $$ begin update agenda.t set c = 1; end $$")


def test_an_added_enum_value_is_known_and_a_renamed_one_is_none() -> None:
    assert read("alter type mood add value 'calm'").adds_enum_value
    assert not read("alter type mood rename value 'a' to 'b'").adds_enum_value
    assert not read("create type mood as enum ('calm')").adds_enum_value


def test_a_statement_that_cannot_be_in_a_transaction_is_known_with_its_line() -> None:
    found = read("create table t(a int)", "create index concurrently i on t(a)")
    assert (found.transactional, found.alone) == (False, (11,))


def test_every_change_is_told_in_the_users_words() -> None:
    found = read(
        "create table t(id int, c int)",
        "alter table t add d text",
        "alter table t rename c to e",
        "alter table t drop d",
        "alter table t alter e type text",
        "create view v as select id from t",
        "update t set e = 'x'",
        "drop view v",
        "drop table t",
    )
    assert [(change.type.value, change.description, change.line) for change in found.changes] == [
        ("ADD_TABLE", "creates table 'crm.t'", 10),
        ("ADD_COLUMN", "creates column 'crm.t.d' (text)", 11),
        ("RENAME_COLUMN", "renames column 'crm.t.c' to 'e'", 12),
        ("REMOVE_COLUMN", "drops column 'crm.t.d'", 13),
        ("ALTER_COLUMN", "retypes column 'crm.t.e' to text", 14),
        ("ADD_VIEW", "creates view 'crm.v'", 15),
        ("CHANGE_DATA", "changes rows of 'crm.t' (e)", 16),
        ("REMOVE_VIEW", "drops view 'crm.v'", 17),
        ("REMOVE_TABLE", "drops table 'crm.t'", 18),
    ]
    assert [change.loses_data for change in found.changes].count(True) == 2
    assert found.changes[1].column == "d"
