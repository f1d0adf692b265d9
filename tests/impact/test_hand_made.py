"""Odd changes and odd consumers, made by hand: each was applied to a server and its statements run, to know the truth.

One project and one branch for all; every case has a table and a file of its own.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
from contextlib import chdir, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from coordinator.cli.main import run
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SAFE, DEGRADES, BREAKS = "safe", "degrades", "breaks"


@dataclass(frozen=True, kw_only=True)
class Case:
    """What crm has, what the branch does to it, another module's statements, and what becomes of each (None: not told)."""

    base: tuple[str, ...]
    change: tuple[str, ...]
    statements: Mapping[str, str]
    verdicts: Mapping[str, str | None]


CASES = {
    "ambiguous": Case(
        base=(
            "CREATE TABLE crm.people (id bigint PRIMARY KEY, phone text)",
            "CREATE TABLE crm.addresses (person_id bigint, city text)",
        ),
        change=("ALTER TABLE crm.addresses ADD COLUMN phone text",),
        statements={
            "bare": "SELECT phone, city FROM crm.people JOIN crm.addresses ON person_id = id",
            "told": "SELECT people.phone, city FROM crm.people JOIN crm.addresses ON person_id = id",
        },
        verdicts={"bare": DEGRADES, "told": None},
    ),
    "conflict": Case(
        base=("CREATE TABLE crm.mails (id bigint PRIMARY KEY, address text CONSTRAINT one_address UNIQUE)",),
        change=("ALTER TABLE crm.mails DROP CONSTRAINT one_address",),
        statements={
            "columns": "INSERT INTO crm.mails (id, address) VALUES (%s, %s) ON CONFLICT (address) DO NOTHING",
            "named": "INSERT INTO crm.mails (id, address) VALUES (%s, %s) ON CONFLICT ON CONSTRAINT one_address DO NOTHING",
            "any": "INSERT INTO crm.mails (id, address) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        },
        verdicts={"columns": BREAKS, "named": BREAKS, "any": None},
    ),
    "replaced_key": Case(
        base=("CREATE TABLE crm.codes (id bigint PRIMARY KEY, code text CONSTRAINT one_code UNIQUE)",),
        change=(
            "ALTER TABLE crm.codes DROP CONSTRAINT one_code",
            "CREATE UNIQUE INDEX one_code_again ON crm.codes (code)",
        ),
        statements={
            "columns": "INSERT INTO crm.codes (id, code) VALUES (%s, %s) ON CONFLICT (code) DO NOTHING"
        },
        verdicts={"columns": DEGRADES},
    ),
    "unique_index": Case(
        base=(
            "CREATE TABLE crm.tags (id bigint PRIMARY KEY, tag text)",
            "CREATE UNIQUE INDEX one_tag ON crm.tags (tag)",
        ),
        change=("DROP INDEX crm.one_tag",),
        statements={
            "columns": "INSERT INTO crm.tags (id, tag) VALUES (%s, %s) ON CONFLICT (tag) DO NOTHING",
            "looks": "SELECT id FROM crm.tags WHERE tag = %s",
        },
        verdicts={"columns": BREAKS, "looks": DEGRADES},
    ),
    "index_again": Case(
        base=(
            "CREATE TABLE crm.words (id bigint PRIMARY KEY, word text, language text)",
            "CREATE UNIQUE INDEX one_word ON crm.words (word)",
            "CREATE INDEX by_language ON crm.words (language)",
        ),
        change=(
            "DROP INDEX crm.one_word",
            "DROP INDEX crm.by_language",
            "CREATE UNIQUE INDEX one_word ON crm.words (word, language)",
        ),
        statements={
            "looks": "SELECT id FROM crm.words WHERE word = %s",
            "other": "SELECT id FROM crm.words WHERE language = %s",
        },
        verdicts={"looks": SAFE, "other": DEGRADES},
    ),
    "copied": Case(
        base=("CREATE TABLE crm.imports (id bigint PRIMARY KEY, line text)",),
        change=("ALTER TABLE crm.imports ADD COLUMN source text",),
        statements={"all": "COPY crm.imports FROM STDIN", "named": "COPY crm.imports (id, line) FROM STDIN"},
        verdicts={"all": DEGRADES, "named": None},
    ),
    "another_table": Case(
        base=(
            "CREATE TABLE crm.clients (id bigint PRIMARY KEY, mobile text)",
            "CREATE TABLE crm.leads (id bigint, mobile text)",
        ),
        change=("ALTER TABLE crm.leads DROP COLUMN mobile",),
        statements={"joined": "SELECT c.mobile FROM crm.clients c JOIN crm.leads l ON l.id = c.id"},
        verdicts={"joined": None},
    ),
    "view_left": Case(
        base=("CREATE TABLE crm.offers (id bigint PRIMARY KEY, title text)",),
        change=(
            "ALTER TABLE crm.offers RENAME TO offers_kept",
            "CREATE VIEW crm.offers AS SELECT id, title FROM crm.offers_kept",
        ),
        statements={"reads": "SELECT title FROM crm.offers"},
        verdicts={"reads": SAFE},
    ),
    "join_using": Case(
        base=(
            "CREATE TABLE crm.orders (order_no bigint PRIMARY KEY, total int)",
            "CREATE TABLE crm.parcels (order_no bigint, weight int)",
        ),
        change=("ALTER TABLE crm.orders RENAME COLUMN order_no TO number",),
        statements={"joined": "SELECT weight FROM crm.orders JOIN crm.parcels USING (order_no)"},
        verdicts={"joined": BREAKS},
    ),
    "records": Case(
        base=("CREATE TABLE crm.visits (id bigint PRIMARY KEY, note text)",),
        change=("ALTER TABLE crm.visits DROP COLUMN note",),
        statements={"other": "SELECT id FROM crm.visits"},
        verdicts={"other": None},
    ),
}
BUILT = """COLUMNS = ["id", "note"]
ALL = "SELECT " + ", ".join(COLUMNS) + " FROM crm.visits"
"""
RECORD = "DECLARE r crm.visits; BEGIN SELECT * INTO r FROM crm.visits LIMIT 1; RETURN r.note; END"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What `migrate impact crm` says of all cases at once, without a database."""
    root = project(tmp_path_factory.mktemp("hand") / "shop", modules=("crm", "billing"))
    code = root / "modules" / "billing" / "app"
    code.mkdir(parents=True)
    for name, case in CASES.items():
        lines = [f"{part.upper()} = {text!r}" for part, text in case.statements.items()]
        (code / f"{name}.py").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (code / "built.py").write_text(BUILT, encoding="utf-8")
    revision(root, "crm", "c1", None, *(each for case in CASES.values() for each in case.base))
    function = f"CREATE FUNCTION billing.last_note() RETURNS text LANGUAGE plpgsql AS $$ {RECORD} $$"
    revision(root, "billing", "b1", None, function, requires=["crm:c1"])
    git(root, "init", "-b", "main")
    commit(root)
    git(root, "checkout", "-b", "work")
    revision(root, "crm", "c2", "c1", *(each for case in CASES.values() for each in case.change))
    commit(root)
    return impact(root)


def revision(root: Path, module: str, name: str, after: str | None, *sql: str, **names: Any) -> None:
    body = "\n".join(f"op.execute({each!r})" for each in sql)
    write_revision(versions_of(root, module), name, after=after, upgrade=body, **names)


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", "-C", str(root), *who, *words], check=True, capture_output=True)


def commit(root: Path) -> None:
    git(root, "add", ".")
    git(root, "commit", "-m", "more")


def impact(root: Path) -> dict[str, Any]:
    out, err = io.StringIO(), io.StringIO()
    variables = {"PATH": os.environ["PATH"], "MIGRATE_STATE_DIR": str(root / "state")}
    with (
        chdir(root),
        patch.dict(os.environ, variables, clear=True),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        code = run(["impact", "crm", "--since", "main", "--no-database", "--format", "json"])
    assert code == 1, err.getvalue()
    document = json.loads(out.getvalue())
    assert isinstance(document, dict)
    return document


def worst(report: dict[str, Any], place: str, name: str) -> str | None:
    """The worst that becomes of what stands in that file under that name; None when it is not told at all."""
    found = {
        each["verdict"]
        for change in report["changes"]
        for each in change["consumers"]
        if place in each["place"] and each["name"] == name
    }
    return next((each for each in (BREAKS, DEGRADES, SAFE) if each in found), None)


@pytest.mark.parametrize(
    ("case", "part"), [(name, part) for name, case in CASES.items() for part in case.verdicts]
)
def test_each_statement_gets_the_verdict_that_the_server_gave(
    report: dict[str, Any], case: str, part: str
) -> None:
    assert worst(report, f"/{case}.py", part.upper()) == CASES[case].verdicts[part]


def test_a_field_of_a_record_is_the_column_that_it_comes_from(report: dict[str, Any]) -> None:
    assert worst(report, "b1.py", "billing.last_note") == BREAKS


def test_columns_that_are_put_into_a_statement_are_told_by_name(report: dict[str, Any]) -> None:
    """The statement is read, but for the part in which they stand."""
    assert worst(report, "built.py", "crm.visits.note") == DEGRADES
