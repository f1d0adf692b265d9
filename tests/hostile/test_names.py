"""Names with quotes, spaces, dots, percent signs, letters of any script, and HTML: they work, and nothing escapes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from markdown_it import MarkdownIt

from coordinator.postgres.connect import connect
from tests.hostile.harness import URL_SETTINGS, migrate, url
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

QUOTED = 'we"ird na.me'
SCRIPT = "<script>alert(1)<"
PIPED = "it's|a`b$(x)"
UNICODE = "módulo é 模块 🏠"
ATTACK = "</script><script>alert(2)</script>"
MESSAGE = 'first <img src=x onerror=alert(3)> | `x` [link](javascript:alert(4)) --> ]] "; end'
TABLES = {
    QUOTED: ('ta"b le.x', 'co"l <b>'),
    SCRIPT: (ATTACK, "%(name)s"),
    PIPED: ("t%s {braces} 100%", "x:y \\ |"),
    UNICODE: ("ação", "naïve id"),
}


@pytest.fixture
def strange_erp(tmp_path: Path) -> Path:
    """A project whose modules, tables and columns have such names, with a reference from one to another."""
    root = project(tmp_path / "e r'p", modules=tuple(TABLES), settings=URL_SETTINGS)
    for number, (module, (table, column)) in enumerate(TABLES.items()):
        columns = f"sa.Column('id', sa.Integer, primary_key=True), sa.Column({column!r}, sa.Integer, comment={MESSAGE!r})"
        if module != QUOTED:
            columns += f", sa.ForeignKeyConstraint([{column!r}], [target.c.id], name={'k ' + table!r})"
        write_revision(
            versions_of(root, module),
            f"r{number}",
            message=MESSAGE,
            header=(
                f"target = sa.Table({TABLES[QUOTED][0]!r}, sa.MetaData(), sa.Column('id', sa.Integer), schema={QUOTED!r})"
            ),
            upgrade=f"op.create_table({table!r}, {columns}, schema={module!r})",
            downgrade=f"op.drop_table({table!r}, schema={module!r})",
        )
    return root


def test_every_command_works_with_such_names(
    strange_erp: Path, database: DatabaseUrl, shared_state: Path
) -> None:
    address = url(database)

    def run(*arguments: str) -> str:
        done = migrate(strange_erp, *arguments, MIGRATE_DATABASE_URL=address)
        assert done.code == 0, done
        return done.out

    plan = json.loads(run("plan", "--format", "json"))
    assert {step["module"] for segment in plan["plan"]["segments"] for step in segment["steps"]} == set(
        TABLES
    )
    script = run("plan", "--sql")
    run("all-modules")
    with connect(database, application_name="test") as connection:
        made = connection.execute(
            "SELECT table_schema, table_name, column_name FROM information_schema.columns"
            " WHERE column_name NOT IN ('id', 'version_num') AND table_schema <> ALL (%s)",
            (["migrate", "pg_catalog", "information_schema"],),
        ).fetchall()
    assert set(made) == {(module, *names) for module, names in TABLES.items()}
    for line in (
        "status",
        "history",
        "history 1",
        "map write",
        "map check",
        "map show",
        "map graph --tables",
    ):
        run(*line.split())
    assert "nothing to do" in migrate(strange_erp, "all-modules", MIGRATE_DATABASE_URL=address).said
    _runs_by_hand(script, database)


def _runs_by_hand(script: str, database: DatabaseUrl) -> None:
    """The script of `plan --sql` makes the same on its own."""
    with connect(database, application_name="test") as connection:
        for module in TABLES:
            connection.execute(f"DROP SCHEMA {_quoted(module)} CASCADE".encode())
        connection.execute(script.encode())
        count = connection.execute(
            "SELECT count(*) FROM information_schema.tables WHERE (table_schema, table_name) IN"
            f" ({', '.join(['(%s, %s)'] * len(TABLES))})",
            [word for module, (table, _) in TABLES.items() for word in (module, table)],
        ).fetchone()
    assert count == (len(TABLES),)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def test_markdown_and_mermaid_show_such_names_and_run_nothing(
    strange_erp: Path, database: DatabaseUrl, shared_state: Path
) -> None:
    address = url(database)
    document = migrate(strange_erp, "plan", "--format", "markdown", MIGRATE_DATABASE_URL=address)
    drawing = migrate(strange_erp, "plan", "--format", "mermaid", MIGRATE_DATABASE_URL=address)
    explained = migrate(
        strange_erp, "plan", "--explain", f"{SCRIPT}:r1", "--format", "markdown", MIGRATE_DATABASE_URL=address
    )
    for done in (document, drawing, explained):
        assert done.code == 0, done
    for text in (document.out, explained.out):
        page = MarkdownIt("commonmark", {"html": True}).enable("table").render(text)
        assert "&lt;script&gt;" in page
        for forbidden in ("<script", "<img", 'href="javascript'):
            assert forbidden not in page, page
    assert "#60;script#62;" in drawing.out
    for line in drawing.out.splitlines():
        assert "<" not in line.replace("<br/>", ""), line
        assert line.count('"') in (0, 2), line
