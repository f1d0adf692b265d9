"""`migrate map` over real revisions: what they build is read from a throw-away database, and no target is named."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from coordinator.cli.main import run
from tests.commands_site import write_shop
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="session")
def staging_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("map-state")


@pytest.fixture
def shop(tmp_path: Path, staging_state: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """crm and billing, with nothing in the environment that names a database."""
    write_shop(tmp_path)
    text = (tmp_path / "pyproject.toml").read_text().replace('target = "embedded"', 'url_env = "NOT_SET"')
    (tmp_path / "pyproject.toml").write_text(text)
    for name in list(os.environ):
        if name != "PATH":
            monkeypatch.delenv(name)
    monkeypatch.setenv("MIGRATE_STATE_DIR", str(staging_state))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_map_is_written_found_right_and_found_wrong_after_a_new_revision(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["map", "write"]) == 0
    text = (shop / "database_map.md").read_text()
    assert "| `telefone2` | `text` | yes |  |  |" in text
    # billing's revision reads a table of crm: the catalog does not know, the code does.
    assert "**Depends on**\n\n- `crm.customers`\n" in text
    assert run(["map", "check"]) == 0
    assert "the map says what the modules build" in capsys.readouterr().err

    write_revision(
        versions_of(shop, "crm"),
        "c3",
        after="c2",
        upgrade='op.execute("ALTER TABLE crm.customers ADD e_mail text")',
        downgrade='op.execute("ALTER TABLE crm.customers DROP e_mail")',
    )
    assert run(["map", "check", "--format", "json"]) == 1
    document = json.loads(capsys.readouterr().out)
    assert [(each["rule"], each["module"]) for each in document["findings"]] == [("map-lacks-column", "crm")]
    assert document["findings"][0]["place"] == {
        "file": "database_map.md",
        "line": text[: text.index("### `customers`")].count("\n") + 1,
    }

    assert run(["map", "write"]) == 0
    assert "`e_mail`" in (shop / "database_map.md").read_text()
    assert run(["map", "check"]) == 0


def test_version_tables_and_the_ledger_are_no_part_of_a_map(shop: Path) -> None:
    assert run(["map", "write"]) == 0
    text = (shop / "database_map.md").read_text()
    assert "alembic_version" not in text
    assert [line for line in text.splitlines() if line.startswith("## ")] == [
        "## Module billing",
        "## Module crm",
    ]


def test_an_undeclared_edge_is_found_with_the_revision_that_makes_it(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["map", "write"]) == 0
    path = shop / "database_map.md"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(each for each in lines if each not in ("- `crm.customers`\n", "- `billing`\n")))
    assert run(["map", "check"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "error map-lacks-edge: module 'billing' needs 'crm.customers' (revision billing:b1" in said
    assert "→ write 'crm.customers' under Depends on of 'billing'" in said


def test_a_revision_that_fails_is_a_no_and_names_itself(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_revision(versions_of(shop, "crm"), "c3", after="c2", upgrade='op.execute("SELECT 1/0")')
    assert run(["map", "write"]) == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "crm:c3" in said
    assert "division by zero" in said
    assert not (shop / "database_map.md").exists()


def test_a_map_that_is_not_there_is_a_mistake_of_usage(
    shop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["check"], ["show"], ["graph"]):
        assert run(["map", *words]) == 2
        assert "there is no map at" in capsys.readouterr().err


def test_show_and_graph_read_any_map_and_need_no_server(
    shop: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    (shop / "sketch.md").write_text("- Módulo CRM\n  - tabela: customers (id)\n  - dependências: billing\n")
    assert run(["map", "graph", "--map", "sketch.md"]) == 0
    assert (
        capsys.readouterr().out
        == 'flowchart LR\n  m1["CRM"]\n  o1["billing"]\n  m1 --> o1\n  classDef other stroke-dasharray: 4 4\n  class o1 other\n'
    )
    assert run(["map", "graph", "--map", "sketch.md", "--tables"]) == 0
    assert capsys.readouterr().out.startswith("erDiagram\n")
    assert run(["map", "show", "--map", "sketch.md", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["file"] == "sketch.md"
    assert run(["map", "show", "--map", "sketch.md"]) == 0
    assert "depends on billing" in capsys.readouterr().out
