"""Squawk's program is found and asked once; what it says comes back to the revision and line that sent the statement."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from coordinator.checks.lint.registry import lint
from coordinator.model.finding import Severity
from coordinator.model.lint_rule import LintChoices
from coordinator.model.squawk_rules import SQUAWK_RULES
from coordinator.squawk import run
from coordinator.squawk.program import SquawkError, ask, find_squawk
from coordinator.squawk.run import SYNTAX_ERROR, LintStatement, lint_sql
from tests.lint.bench import facts, found, one
from tests.planning_builders import Forest, Rev

if TYPE_CHECKING:
    from pathlib import Path

TABLE = "CREATE TABLE customers (id bigint PRIMARY KEY, name text)"


def program(folder: Path, script: str) -> Path:
    """A folder with a program named squawk that does what the shell script says."""
    file = folder / "squawk"
    file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    file.chmod(0o755)
    return folder


def said(*statements: str | LintStatement) -> list[tuple[int, str]]:
    """Which statement, and which rule."""
    asked = [LintStatement(sql=each) if isinstance(each, str) else each for each in statements]
    return [
        (each.statement, each.rule)
        for each in lint_sql(find_squawk(), asked, server_version=150018)
        if not each.rule.endswith("-timeout")
    ]


class TestProgram:
    def test_the_one_beside_the_interpreter_is_taken(self) -> None:
        assert find_squawk().parent == find_squawk(beside=None).parent
        assert str(find_squawk()).startswith(sys.prefix)

    def test_one_on_the_path_will_do(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", str(program(tmp_path, "echo squawk 2.65.0")))
        (tmp_path / "empty").mkdir()
        assert find_squawk(beside=tmp_path / "empty") == tmp_path / "squawk"

    def test_without_one_the_way_to_install_it_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", str(tmp_path))
        with pytest.raises(SquawkError, match="squawk is not installed") as caught:
            find_squawk(beside=tmp_path)
        assert caught.value.help == "pip install 'migration-coordinator[lint]'"

    @pytest.mark.parametrize(("version", "shown"), [("1.6.1", "1.6"), ("2.59.9", "2.59"), ("3.0.0", "3.0")])
    def test_a_version_that_is_not_known_is_refused(self, tmp_path: Path, version: str, shown: str) -> None:
        with pytest.raises(SquawkError, match=rf"is squawk {shown}, and 2\.60 or a later 2\.x is needed"):
            find_squawk(beside=program(tmp_path, f"echo squawk {version}"))

    def test_another_program_of_that_name_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SquawkError, match="of a version that it does not tell"):
            find_squawk(beside=program(tmp_path, "echo ornithology"))

    def test_one_that_cannot_be_run_is_told(self, tmp_path: Path) -> None:
        program(tmp_path, "")
        (tmp_path / "squawk").write_bytes(b"\x7fELF not really")
        with pytest.raises(SquawkError, match="cannot be run: Exec format error"):
            find_squawk(beside=tmp_path)

    def test_one_that_fails_is_told_with_its_first_words(self, tmp_path: Path) -> None:
        folder = program(tmp_path, "echo 'error: no such thing' >&2; echo more >&2; exit 2")
        with pytest.raises(SquawkError, match=r"failed with exit code 2: error: no such thing$"):
            ask(folder / "squawk", ())

    def test_nothing_of_our_environment_goes_to_it(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("DATABASE_URL", "postgresql://secret@db/x")
        folder = program(tmp_path, "/usr/bin/env; pwd")
        answer = ask(folder / "squawk", ())
        assert "secret" not in answer
        assert answer.rstrip().endswith("/")

    def test_an_answer_that_is_none_is_told(self, tmp_path: Path) -> None:
        folder = program(tmp_path, "cat > /dev/null; echo '{'")
        with pytest.raises(SquawkError, match="something that cannot be read"):
            lint_sql(folder / "squawk", [LintStatement(sql="DROP TABLE t")], server_version=150000)

    def test_one_that_says_nothing_has_not_found_nothing(self, tmp_path: Path) -> None:
        folder = program(tmp_path, "cat > /dev/null; echo 'cannot read' >&2; exit 1")
        with pytest.raises(SquawkError, match="something that cannot be read"):
            lint_sql(folder / "squawk", [LintStatement(sql="DROP TABLE t")], server_version=150000)


class TestStatements:
    def test_each_finding_is_of_the_statement_that_earned_it(self) -> None:
        assert said(TABLE, "SELECT 1", "ALTER TABLE orders\n  DROP COLUMN\n  x", "DROP TABLE orders") == [
            (2, "ban-drop-column"),
            (3, "ban-drop-table"),
        ]

    @pytest.mark.parametrize(
        "rows",
        [
            "INSERT INTO customers VALUES (1, ';')",
            "SELECT 1",
            "WITH x AS (SELECT 1) INSERT INTO customers SELECT 1 FROM x",
        ],
    )
    def test_what_follows_rows_in_one_text_is_judged(self, rows: str) -> None:
        assert said(f"{rows}; DROP TABLE orders;") == [(0, "ban-drop-table")]
        assert said(f"{rows}; SELECT 2;") == []

    def test_a_table_of_the_same_bare_name_excuses_nothing(self) -> None:
        """Two modules may each have a table of that name; which is new, is not for squawk to say."""
        assert said(TABLE, "CREATE INDEX ON customers (name)") == [(1, "require-concurrent-index-creation")]

    def test_a_statement_outside_the_transaction_is_judged_so(self) -> None:
        index = "CREATE INDEX CONCURRENTLY i ON crm.orders (name)"
        inside = "ban-concurrent-index-creation-in-transaction"
        assert (0, inside) in said(index)
        outside = said(TABLE, LintStatement(sql=index, autocommit=True), "DROP TABLE crm.orders")
        assert [rule for _, rule in outside] == ["prefer-robust-stmts", "ban-drop-table"]

    def test_validating_in_the_same_run_gains_nothing(self) -> None:
        add = "ALTER TABLE orders ADD CONSTRAINT c CHECK (x > 1) NOT VALID"
        assert said(add, "ALTER TABLE orders VALIDATE CONSTRAINT c") == [(1, "constraint-missing-not-valid")]

    def test_one_that_it_cannot_read_spoils_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(run, "parse", lambda _: ())  # as if PostgreSQL's grammar knew it
        answer = said("DROP TABLE orders", "FROBNICATE THE TABLE", "ALTER TABLE orders DROP COLUMN x")
        assert answer == [(0, "ban-drop-table"), (1, SYNTAX_ERROR), (2, "ban-drop-column")]

    def test_what_postgresql_cannot_read_is_not_sent(self) -> None:
        assert said("DROP TABLE orders", "FROBNICATE THE TABLE") == [(0, "ban-drop-table")]

    def test_no_value_and_no_comment_is_sent(self, monkeypatch: pytest.MonkeyPatch) -> None:
        sent: list[str] = []

        def listening(program: Path, arguments: tuple[str, ...], text: str = "") -> str:
            sent.append(text)
            return ask(program, arguments, text)

        monkeypatch.setattr(run, "ask", listening)
        said(
            "INSERT INTO t VALUES ('hunter2')",
            "UPDATE t SET a = 'hunter2', salary = 4711 WHERE b = E'hunter\\'2' -- hunter2",
            "ALTER TABLE t ADD x text DEFAULT $$hunter2$$ /* hunter2 /* hunter2 */ */",
            "CREATE FUNCTION f() RETURNS text LANGUAGE sql AS 'SELECT ''hunter2'''",
        )
        (text,) = sent
        assert "hunter" not in text
        assert "4711" not in text
        assert "ALTER TABLE t ADD x text DEFAULT '';" in text

    def test_one_rule_of_one_statement_is_told_once_with_how_often(self) -> None:
        statement = LintStatement(sql="CREATE TABLE t (a timestamp, b timestamp, c timestamp)")
        (answer,) = lint_sql(find_squawk(), [statement], server_version=150018)
        assert (answer.rule, answer.times) == ("prefer-timestamp-tz", 3)

    def test_five_hundred_revisions_are_one_process(self, monkeypatch: pytest.MonkeyPatch) -> None:
        count = 0
        real = subprocess.run

        def counting(*arguments: object, **options: object) -> object:
            nonlocal count
            count += 1
            return real(*arguments, **options)  # type: ignore[call-overload]

        squawk = find_squawk()
        monkeypatch.setattr(subprocess, "run", counting)
        many = [LintStatement(sql=f"ALTER TABLE t{number} DROP COLUMN x") for number in range(2500)]
        assert len({each.statement for each in lint_sql(squawk, many, server_version=150018)}) == 2500
        assert count == 1


class TestFindings:
    rule = "require-concurrent-index-creation"

    def shop(self, sql: str) -> Forest:
        return {"crm": (Rev("c1", TABLE), Rev("c2", f"SELECT 1\n{sql}")), "billing": ()}

    def test_it_has_place_consequence_and_a_remedy_for_revisions(self) -> None:
        of = facts(self.shop("CREATE INDEX ON customers (name)"), applied="crm:c1", squawk=True)
        finding = one(self.rule, of)
        assert (finding.severity, str(finding.revision), str(finding.place)) == (
            Severity.WARNING,
            "crm:c2",
            "crm/c2.py:12",
        )
        assert "touches relation 'crm.customers': During normal index creation" in finding.message
        assert "autocommit_block" in str(finding.help)

    def test_a_table_that_the_run_makes_is_empty_whichever_module_makes_it(self) -> None:
        forest = self.shop("SELECT 2")
        forest["billing"] = (Rev("b1", "CREATE INDEX ON crm.customers (name)"),)
        assert found(self.rule, facts(forest, squawk=True)) == ()
        one(self.rule, facts(forest, applied="crm:c1", squawk=True))

    def test_an_index_that_the_run_makes_may_go_with_its_table_standing(self) -> None:
        sql = "CREATE INDEX i ON customers (name)\nDROP INDEX i"
        of = facts(self.shop(sql), applied="crm:c1", squawk=True)
        assert found("require-concurrent-index-deletion", of) != ()
        assert found("require-concurrent-index-deletion", facts(self.shop(sql), squawk=True)) == ()

    def test_a_column_that_the_run_made_is_nobodys_yet(self) -> None:
        sql = "ALTER TABLE customers ADD x int\nALTER TABLE customers DROP x"
        assert found("ban-drop-column", facts(self.shop(sql), applied="crm:c1", squawk=True)) == ()
        one(
            "ban-drop-column",
            facts(self.shop("ALTER TABLE customers DROP name"), applied="crm:c1", squawk=True),
        )

    def test_of_several_commands_in_one_text_each_must_be_about_something_new(self) -> None:
        texts = "ALTER TABLE fresh ADD x text; ALTER TABLE customers DROP name"
        forest: Forest = {
            "crm": (Rev("c1", TABLE), Rev("c2", f"CREATE TABLE fresh (id bigint)\n{texts}")),
            "billing": (),
        }
        finding = one("ban-drop-column", facts(forest, applied="crm:c1", squawk=True))
        assert "relation 'crm.fresh', column 'crm.customers.name'" in finding.message

    @pytest.mark.parametrize(
        ("rows", "severity"), [(10_000, Severity.NOTE), (10_001, Severity.WARNING), (-1, Severity.WARNING)]
    )
    def test_a_scan_of_a_small_table_is_a_note(self, rows: int, severity: Severity) -> None:
        forest = self.shop("CREATE INDEX ON customers (name)")
        of = facts(forest, applied="crm:c1", rows={"crm.customers": rows}, squawk=True)
        finding = one(self.rule, of)
        assert finding.severity is severity
        assert ("rows." in finding.message) is (rows > 0)

    def test_a_drop_weighs_the_same_on_a_small_table(self) -> None:
        forest = self.shop("ALTER TABLE customers DROP name")
        of = facts(forest, applied="crm:c1", rows={"crm.customers": 3}, squawk=True)
        assert one("ban-drop-column", of).severity is Severity.WARNING

    def test_two_rules_that_say_the_same_are_one_finding(self) -> None:
        key = "ALTER TABLE customers ADD FOREIGN KEY (id) REFERENCES billing.other (id)"
        of = facts(self.shop(key), applied="crm:c1", squawk=True)
        assert {each.rule for each in lint(of)} == {"adding-foreign-key-constraint"}

    @pytest.mark.parametrize(
        ("choices", "told"),
        [
            ({}, {"disallowed-unique-constraint"}),
            ({"errors": {"constraint-missing-not-valid"}}, None),
            ({"exclude": {"disallowed-unique-constraint"}}, {"constraint-missing-not-valid"}),
        ],
    )
    def test_a_rule_is_silent_only_for_one_that_is_told_and_counts_no_less(
        self, choices: dict[str, set[str]], told: set[str] | None
    ) -> None:
        forest = self.shop("ALTER TABLE customers ADD CONSTRAINT u UNIQUE (name)")
        chosen = LintChoices(**{word: frozenset(rules) for word, rules in choices.items()})  # type: ignore[arg-type]  # fields by name
        of = facts(forest, applied="crm:c1", choices=chosen, squawk=True)
        both = {"constraint-missing-not-valid", "disallowed-unique-constraint"}
        assert {each.rule for each in lint(of)} == (told or both)

    def test_nor_where_it_says_it_more_often(self) -> None:
        both = "ALTER TABLE customers ADD CONSTRAINT u UNIQUE (name), ADD CONSTRAINT c CHECK (id > 1)"
        of = facts(self.shop(both), applied="crm:c1", squawk=True)
        assert "(2 times)" in one("constraint-missing-not-valid", of).message

    def test_nor_for_one_that_is_off(self) -> None:
        wanted = LintChoices(warnings=frozenset({"prefer-bigint-over-int"}))
        of = facts(
            self.shop("CREATE TABLE t (id serial, n int)"), applied="crm:c1", choices=wanted, squawk=True
        )
        assert "(2 times)" in one("prefer-bigint-over-int", of).message

    @pytest.mark.parametrize(
        "choices",
        [
            LintChoices(exclude=frozenset({"required-column"})),
            LintChoices(errors=frozenset({"adding-required-field"}), warnings=frozenset({"required-column"})),
        ],
    )
    def test_nor_for_our_own_that_is_not_told_or_counts_less(self, choices: LintChoices) -> None:
        forest = self.shop("ALTER TABLE customers ADD y int NOT NULL")
        of = facts(forest, applied="crm:c1", rows={"crm.customers": 41}, choices=choices, squawk=True)
        one("adding-required-field", of)

    def test_our_own_rule_with_the_rows_speaks_for_squawks(self) -> None:
        forest = self.shop("ALTER TABLE customers ADD y int NOT NULL")
        of = facts(forest, applied="crm:c1", rows={"crm.customers": 41}, squawk=True)
        assert {each.rule for each in lint(of)} == {"required-column"}
        of = facts(forest, applied="crm:c1", squawk=True)
        assert {each.rule for each in lint(of)} == {"adding-required-field"}

    @pytest.mark.parametrize(
        "sql",
        [
            "ALTER TABLE customers ADD n int",  # prefer-bigint-over-int, require-lock-timeout, …
            "ALTER TABLE customers ADD n varchar(20)",  # prefer-text-field
            "ALTER TYPE mood ADD VALUE 'sad'",  # require-enum-value-ordering
        ],
    )
    def test_what_the_coordinator_does_and_matters_of_taste_are_off(self, sql: str) -> None:
        assert lint(facts(self.shop(sql), applied="crm:c1", squawk=True)) == ()

    def test_the_settings_choose(self) -> None:
        forest = self.shop("ALTER TABLE customers DROP name")
        for choices, severity in (
            (LintChoices(errors=frozenset({"ban-drop-column"})), Severity.ERROR),
            (LintChoices(), Severity.WARNING),
        ):
            of = facts(forest, applied="crm:c1", choices=choices, squawk=True)
            assert one("ban-drop-column", of).severity is severity
        off = LintChoices(exclude=frozenset({"ban-drop-column"}))
        assert lint(facts(forest, applied="crm:c1", choices=off, squawk=True)) == ()

    def test_a_rule_that_is_off_can_be_asked_for(self) -> None:
        forest = self.shop("ALTER TABLE customers ADD n int")
        wanted = LintChoices(warnings=frozenset({"prefer-bigint-over-int"}))
        of = facts(forest, applied="crm:c1", choices=wanted, squawk=True)
        assert one("prefer-bigint-over-int", of).severity is Severity.WARNING

    def test_a_create_shows_no_value(self) -> None:
        sql = "CREATE TABLE t (code char(3) DEFAULT 'hunter2')"
        finding = one("ban-char-field", facts(self.shop(sql), applied="crm:c1", squawk=True))
        assert "sends `CREATE TABLE t (code char(…) DEFAULT …)`" in finding.message


class TestTable:
    def test_every_name_is_a_rule_of_the_installed_squawk(self) -> None:
        for name in SQUAWK_RULES:
            assert ask(find_squawk(), ("--config", "/dev/null", "--exclude", name), "SELECT 1;\n") is not None

    def test_every_rule_that_squawk_asks_by_itself_is_judged(self) -> None:
        """One text that raises most of them: whatever it says has a line in our table."""
        sql = (
            "ALTER TABLE t ADD COLUMN x int NOT NULL",
            "ALTER TABLE t ADD COLUMN y serial PRIMARY KEY",
            "ALTER TABLE t ADD COLUMN g uuid DEFAULT gen_random_uuid()",
            "ALTER TABLE t SET SCHEMA other",
            "ALTER TABLE t ALTER COLUMN z TYPE bigint",
            "ALTER TABLE t ALTER COLUMN z DROP NOT NULL",
            "ALTER TABLE t ALTER COLUMN z SET NOT NULL",
            "ALTER TABLE t ADD UNIQUE (z)",
            "ALTER DOMAIN d ADD CONSTRAINT dd CHECK (value > 2)",
            "CREATE DOMAIN dd AS int CHECK (value > 1)",
            "TRUNCATE t CASCADE",
            "DROP SCHEMA z CASCADE",
            "REINDEX TABLE t",
            "CREATE TABLE u (a char(3), b timestamp, c varchar(3), d smallint)",
        )
        rules = {rule for _, rule in said(*sql)}
        assert len(rules) > 15
        assert rules <= SQUAWK_RULES.keys()

    def test_each_has_a_reason_and_every_finding_a_remedy_where_there_is_one(self) -> None:
        for rule in SQUAWK_RULES.values():
            assert rule.why
            if rule.severity in (Severity.ERROR, Severity.WARNING):
                assert rule.remedy, rule.name
