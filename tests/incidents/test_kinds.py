"""What kind of failure a SQLSTATE means, what is collected for it, and how much it matters."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from coordinator.errors import LockHeldError, UnreachableError, UnsettledError
from coordinator.execution.categories import categorize, category_of, may_pass, severity_of
from coordinator.execution.versions import HeadsChangedError
from coordinator.execution.words import kept_notice, kept_statement, recorded
from coordinator.ledger.lock import LockLostError
from coordinator.ledger.system import OtherServerError
from coordinator.model.incident import COLLECTED, DATA_CATEGORIES, Category, IncidentSeverity, Notice
from coordinator.model.run import RunStatus
from coordinator.postgres.activity import shown_application
from coordinator.postgres.failure import ConnectionLostError, StatementError
from coordinator.sql.shown import without_values


@pytest.mark.parametrize(
    ("sqlstate", "category"),
    [
        ("55P03", Category.LOCK),
        ("40P01", Category.LOCK),
        ("40001", Category.LOCK),
        ("23505", Category.DATA),
        ("22P02", Category.DATA),
        ("21000", Category.DATA),
        ("P0001", Category.DATA),
        ("42501", Category.PERMISSION),
        ("25006", Category.PERMISSION),
        ("28000", Category.PERMISSION),
        ("08006", Category.CONNECTION),
        ("57P01", Category.CONNECTION),
        ("53100", Category.RESOURCE),
        ("53200", Category.RESOURCE),
        ("58030", Category.RESOURCE),
        ("XX000", Category.RESOURCE),
        ("42P01", Category.CODE),
        ("42601", Category.CODE),
        ("2BP01", Category.CODE),
        ("0A000", Category.CODE),
        ("57014", Category.INTERRUPTION),
    ],
)
def test_a_sqlstate_tells_the_kind(sqlstate: str, category: Category) -> None:
    assert category_of(sqlstate) is category
    assert categorize(StatementError("told", sqlstate=sqlstate)) is category


@pytest.mark.parametrize(
    "message",
    [
        "canceling statement due to statement timeout",
        "storniere Anfrage wegen Zeitüberschreitung der Anfrage",
        "annulation de la requête à cause du délai écoulé pour l'exécution de l'instruction",
        "cancelando la sentencia debido a que se agotó el tiempo de espera de sentencias",
        "выполнение оператора отменено из-за тайм-аута",
        "ステートメントのタイムアウトのためステートメントをキャンセルしています",
        "명령실행시간 초과로 작업을 취소합니다.",
        "由于语句执行超时，正在取消查询命令",
    ],
)
def test_a_time_limit_is_no_interruption_in_any_language(message: str) -> None:
    assert category_of("57014", message) is Category.RESOURCE
    assert category_of("57014", "storniere Anfrage wegen Benutzeraufforderung") is Category.INTERRUPTION


def test_what_has_no_sqlstate_is_told_by_what_it_is() -> None:
    assert categorize(KeyboardInterrupt()) is Category.INTERRUPTION
    assert categorize(ConnectionLostError("gone")) is Category.CONNECTION
    assert categorize(UnreachableError("gone")) is Category.CONNECTION
    assert categorize(LockHeldError("held")) is Category.LOCK
    assert categorize(LockLostError("taken away")) is Category.LOCK
    assert categorize(OtherServerError("promoted")) is Category.CONNECTION
    assert categorize(OSError("full")) is Category.RESOURCE
    assert categorize(KeyError("ours")) is Category.CODE


def test_what_could_not_be_brought_to_an_end_is_of_the_kind_of_what_began_it() -> None:
    unsettled = UnsettledError("the connection was lost, and server process 7 still works on it")
    unsettled.__cause__ = ConnectionLostError("gone")
    assert categorize(unsettled) is Category.CONNECTION
    assert categorize(UnsettledError("the transaction was ended by something inside it")) is Category.CODE


def test_a_lock_a_connection_and_a_full_disk_may_pass_by_themselves() -> None:
    for sqlstate in ("55P03", "40P01", "57P01", "57014", "53100"):
        error = StatementError("told", sqlstate=sqlstate)
        around = UnsettledError("it could not be dropped")
        around.__cause__ = error
        assert may_pass(error)
        assert may_pass(around)
    assert may_pass(ConnectionLostError("gone"))
    assert may_pass(LockLostError("taken away"))
    assert may_pass(OtherServerError("promoted"))
    for stays in (
        StatementError("told", sqlstate="42P01"),
        StatementError("told", sqlstate="23505"),
        UnsettledError("nobody knows whether this statement is in"),
        HeadsChangedError("it holds something else"),
        KeyError("a revision without a file"),
    ):
        assert not may_pass(stays)


def test_only_code_and_data_fail_again_by_themselves() -> None:
    assert {each for each in Category if each.is_final} == {Category.CODE, Category.DATA}


def test_every_kind_collects_something_and_every_part_has_limits() -> None:
    assert set(COLLECTED) == set(Category)
    for each in DATA_CATEGORIES:
        assert each.rows > 0
        assert each.size > 0
        assert each.days > 0
        assert any(each in parts for parts in COLLECTED.values())


def test_what_could_not_be_taken_back_is_always_critical() -> None:
    for each in Category:
        assert severity_of(each, RunStatus.UNSETTLED) is IncidentSeverity.CRITICAL
        assert severity_of(each, RunStatus.REVERSED) is not IncidentSeverity.CRITICAL
        assert severity_of(each, RunStatus.SETTLED) is IncidentSeverity.HIGH


@pytest.mark.parametrize(
    ("message", "sqlstate", "kept"),
    [
        (
            'invalid input syntax for type integer: "geheim"',
            "22P02",
            'invalid input syntax for type integer: "…"',
        ),
        (
            'invalid byte sequence for encoding "UTF8": 0xff 0x41',
            "22021",
            'invalid byte sequence for encoding "…": 0x… 0x…',
        ),
        (
            "ungültige Eingabesyntax für Typ integer: »geheim«",
            "22P02",
            'ungültige Eingabesyntax für Typ integer: "…"',
        ),
        (
            "syntaxe en entrée invalide pour le type integer : « geheim »",
            "22P02",
            'syntaxe en entrée invalide pour le type integer : "…"',
        ),
        ('"integer"型の入力構文が不正です: "geheim"', "22P02", '"…"'),
        ("date field value out of range: 1987-02-31", "22008", "date field value out of range: …"),
        (
            "value too long for type character varying(5)",
            "22001",
            "value too long for type character varying(5)",
        ),
        (
            'duplicate key value violates unique constraint "people_pkey"',
            "23505",
            'duplicate key value violates unique constraint "people_pkey"',
        ),
    ],
)
def test_the_servers_words_are_kept_without_values(message: str, sqlstate: str, kept: str) -> None:
    assert recorded(StatementError(message, sqlstate=sqlstate)) == f"{kept} (SQLSTATE {sqlstate})"


def test_of_an_authors_words_only_those_of_the_revision_are_kept() -> None:
    source = "RAISE NOTICE 'customer % is odd', row.email;"
    notice = Notice(
        severity="NOTICE", sqlstate="00000", message="customer geheim@example.org is odd", raised=True
    )
    assert kept_notice(notice, source).message == "customer … is odd"
    assert kept_notice(notice).message == "…"
    builtin = Notice(
        severity="NOTICE", sqlstate="42P07", message='relation "customers" already exists, skipping'
    )
    assert kept_notice(builtin, "customers") == builtin
    assert kept_notice(builtin).message == 'relation "…" already exists, skipping'


@pytest.mark.parametrize(
    ("message", "sqlstate", "kept"),
    [
        ('relation "a"b geheim" does not exist', "42P01", 'relation "…" does not exist'),
        ('relation "a"b" geheim" does not exist', "42P01", 'relation "…" does not exist'),
        ("Relation »geheim« existiert nicht", "42P01", 'Relation "…" existiert nicht'),
        ('column "email" of relation "customers" does not exist', "42703", None),
        ("column c.email does not exist", "42703", None),
        ("column c.geheim does not exist", "42703", "…"),
        ("function geheim kunde() does not exist", "42883", "…"),
        ("function crm.customers(integer) does not exist", "42883", None),
        ("permission denied for table customers", "42501", None),
    ],
)
def test_a_name_is_kept_when_it_stands_in_the_revision(message: str, sqlstate: str, kept: str | None) -> None:
    source = "op.execute('SELECT c.email FROM crm.customers AS c')"
    notice = Notice(severity="NOTICE", sqlstate=sqlstate, message=message)
    assert kept_notice(notice, source).message == (kept or message)


def test_of_a_statement_only_sqls_own_words_and_the_revisions_names_are_kept() -> None:
    source = "op.add_column('customers', sa.Column('email', sa.Text()))"
    for sql, kept in (
        ("ALTER TABLE customers ADD COLUMN email TEXT", "ALTER TABLE customers ADD COLUMN email TEXT"),
        ('SELECT geheim, "ge""heim" FROM Customers', "SELECT …, … FROM Customers"),
        ("INSERT INTO customers VALUES (%(a_1)s, 'b')", "INSERT INTO customers VALUES (%(a_1)s, …)"),
        ('SELECT 1 FROM customers AS "geheim', "SELECT … FROM customers AS …"),
    ):
        assert kept_statement(sql, source, limit=100) == kept


def test_masking_a_long_message_takes_no_time() -> None:
    source = "x word y" * 50
    long = Notice(
        severity="NOTICE", sqlstate="00000", message=" ".join(f"w{n}" for n in range(40_000)), raised=True
    )
    began = time.monotonic()
    for _ in range(60):
        assert kept_notice(long, source).message == "…"
    assert time.monotonic() - began < 5.0
    words = kept_notice(replace(long, message="word " * 40_000), source).message
    assert len(words) <= 1001
    assert words.endswith("word …")


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 'geheim'",
        "SELECT $$geheim$$, $a$geheim$a$",
        "SELECT E'it\\'s geheim'",
        "SELECT 'it\\'s geheim'",
        "SELECT 1 -- geheim\n, 2",
        "SELECT 1 /* geheim */, 2",
        "INSERT INTO t VALUES ('geheim",
        "ALTER ROLE a PASSWORD 'geheim'",
        "SET app.token = geheim",
        "SET LOCAL app.token TO geheim",
        "ALTER ROLE a SET app.token = geheim",
        "/* a /* b */ it's */ SELECT 'geheim'",
        "BEGIN; SET app.token = geheim",
        "SET app.token = x, geheim",
        'SET "a;b".token TO geheim',
        "SET SESSION AUTHORIZATION geheim",
        "ALTER SYSTEM SET app.token TO x, geheim",
        "PREPARE p AS SELECT 1; EXECUTE p(geheim, 1)",
        "EXPLAIN EXECUTE p (geheim)",
        "SELECT foo$a$ 'x', $a$ geheim $a$",
    ],
)
def test_a_query_is_shown_without_its_values(query: str) -> None:
    assert "geheim" not in without_values(query, limit=300)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("psql", "psql"),
        ("migrate:7 host crm:c2", "migrate:7 host crm:c2"),
        ("postgresql://u:geheim@h/d", "…"),
        ("password=geheim", "…"),
        ("u@h", "…"),
    ],
)
def test_an_application_that_calls_itself_more_than_a_name_is_left_out(name: str, shown: str) -> None:
    assert shown_application(name) == shown
