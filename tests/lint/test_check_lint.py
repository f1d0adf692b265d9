"""`migrate check --lint` on a real target: pending revisions are judged, applied ones never, and nothing is written."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from coordinator.squawk import program
from coordinator.workflow import lint as workflow_lint
from tests.commands_site import Desk
from tests.failures.roles import drop_role, make_role
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl
    from tests.failures.site import Ended

MAP = """
- Módulo crm
  - tabela: customers (id, name, phone)
- Módulo billing
  - tabela: invoices (id)
"""


@pytest.fixture
def shop(database: DatabaseUrl, tmp_path: Path) -> Desk:
    """crm with its customers, and billing with a view of them: applied, and nothing is pending."""
    root = project(tmp_path / "project", modules=("crm", "billing"))
    (root / "database_map.md").write_text(MAP, encoding="utf-8")
    sql = "CREATE TABLE crm.customers (id bigint PRIMARY KEY, name text, phone text)"
    write_revision(versions_of(root, "crm"), "c1", upgrade=f'op.execute("{sql}")')
    view = "CREATE VIEW billing.phones AS SELECT * FROM crm.customers"
    write_revision(versions_of(root, "billing"), "b1", upgrade=f'op.execute("{view}")')
    desk = Desk(root=root, url=database, state=tmp_path / "state")
    for statement in ("CREATE SCHEMA crm", "CREATE SCHEMA billing", sql, view):
        desk.execute(statement)
    for module, head in (("crm", "c1"), ("billing", "b1")):  # as plain Alembic would, and faster than a run
        desk.execute(f"CREATE TABLE {module}.alembic_version AS SELECT '{head}'::varchar(32) AS version_num")
    return desk


def add(shop: Desk, module: str, revision: str, after: str, *sql: str, **names: Any) -> None:
    body = "\n".join(f'op.execute("{each}")' for each in sql)
    write_revision(
        versions_of(shop.root, module),
        revision,
        after=after,
        upgrade=body,
        downgrade='op.execute("SELECT 1")',
        **names,
    )


def found(ended: Ended) -> dict[str, dict[str, Any]]:
    """The findings of a JSON document, by rule."""
    return {each["rule"]: each for each in json.loads(ended.out)["findings"]}


def lint(shop: Desk, **environment: str) -> Ended:
    return shop.migrate("check", "--lint", "--format", "json", environment=environment)


def test_what_is_in_is_not_judged(shop: Desk) -> None:
    ended = lint(shop)
    assert ended.code == 0, ended.err
    assert found(ended) == {}


def test_rules_of_both_kinds_with_place_consequence_and_remedy(shop: Desk) -> None:
    add(shop, "crm", "c2", "c1", "ALTER TABLE crm.customers DROP COLUMN phone CASCADE")
    add(shop, "billing", "b2", "b1", "CREATE TABLE billing.notes (customer bigint REFERENCES crm.customers)")
    before = shop.picture()
    ended = lint(shop)
    assert ended.code == 1
    rules = found(ended)
    assert rules["cascade-across-border"]["revision"] == "crm:c2"
    assert "relation 'billing.phones' of module 'billing'" in rules["cascade-across-border"]["message"]
    assert rules["ban-drop-column"]["severity"] == "warning"
    assert rules["ban-drop-column"]["place"]["line"] == 11
    assert rules["undeclared-dependency"]["severity"] == "error"
    assert rules["undeclared-dependency"]["help"].startswith("In the map, write 'crm")
    assert rules["foreign-key-without-index"]["severity"] == "warning"
    assert shop.picture() == before


def test_without_the_flag_nothing_is_linted(shop: Desk) -> None:
    add(
        shop,
        "crm",
        "c2",
        "c1",
        "ALTER TABLE crm.customers ADD x text",
        "GRANT ALL ON crm.customers TO PUBLIC",
    )
    assert "grant-to-public" not in shop.migrate("check").out
    assert "grant-to-public" in shop.migrate("check", "--lint").out


def test_the_text_has_severity_rule_place_and_remedy(shop: Desk) -> None:
    add(shop, "crm", "c2", "c1", "CREATE INDEX ON crm.customers (name)")
    text = shop.migrate("check", "--lint").out
    assert "require-concurrent-index-creation: Revision crm:c2" in text
    assert "c2.py:11" in text
    assert "→ Inside `with op.get_context().autocommit_block():`" in text.replace("\n", " ").replace(
        "    ", " "
    )


def test_how_large_a_table_is_comes_from_the_target(shop: Desk) -> None:
    add(shop, "crm", "c2", "c1", "CREATE INDEX ON crm.customers (name)")
    assert found(lint(shop))["require-concurrent-index-creation"]["severity"] == "warning"
    shop.execute("INSERT INTO crm.customers SELECT n FROM generate_series(1, 30) AS n")
    shop.execute("ANALYZE crm.customers")
    finding = found(lint(shop))["require-concurrent-index-creation"]
    assert (finding["severity"], "about 30 rows" in finding["message"]) == ("note", True)


def test_waivers_hold_for_both_kinds_of_rules(shop: Desk) -> None:
    waive = {
        "ban-drop-column": ("nobody reads it", "2999-01-01"),
        "grant-to-public": ("a public register", "2999-01-01"),
        "star-view": ("left over", "2999-01-01"),
    }
    sql = ("ALTER TABLE crm.customers DROP COLUMN name CASCADE", "GRANT SELECT ON crm.customers TO PUBLIC")
    add(shop, "crm", "c2", "c1", *sql, waive=waive)
    rules = found(lint(shop))
    for rule in ("ban-drop-column", "grant-to-public"):
        assert rules[rule]["severity"] == "note"
        assert "Waived until 2999-01-01" in rules[rule]["message"]
    assert "waives 'star-view'" in rules["waiver-unused"]["message"]
    assert rules["cascade-across-border"]["severity"] == "error"


def test_the_settings_leave_out_and_raise(shop: Desk) -> None:
    add(
        shop,
        "crm",
        "c2",
        "c1",
        "CREATE INDEX ON crm.customers (name)",
        "GRANT ALL ON crm.customers TO PUBLIC",
    )
    settings = shop.root / "pyproject.toml"
    text = settings.read_text(encoding="utf-8")
    table = (
        '[tool.migrate.lint]\nexclude = ["require-concurrent-index-creation"]\nerrors = ["grant-to-public"]\n'
    )
    settings.write_text(text + table, encoding="utf-8")
    ended = lint(shop)
    assert ended.code == 1
    assert {rule: each["severity"] for rule, each in found(ended).items()} == {"grant-to-public": "error"}


def test_a_role_that_may_only_select_can_ask(shop: Desk) -> None:
    add(shop, "crm", "c2", "c1", "ALTER TABLE crm.customers DROP COLUMN phone CASCADE")
    name = f"reader_{shop.url.parameters['dbname']}"
    rights = "GRANT {0} TO {{role}}"
    grants = ("USAGE ON SCHEMA crm, billing", "SELECT ON ALL TABLES IN SCHEMA crm, billing")
    url = make_role(shop, name, *(rights.format(each) for each in grants))
    try:
        ended = shop.migrate("check", "--lint", "--format", "json", url=url)
    finally:
        drop_role(shop, name)
    assert ended.code == 1, ended.err
    assert "billing.phones" in found(ended)["cascade-across-border"]["message"]


def test_odd_names_and_values_are_read_and_no_value_is_shown(shop: Desk) -> None:
    shop.execute('CREATE TABLE crm."odd; -- name\'s" (id int, "drop" text)')
    sql = (
        """ALTER TABLE crm."odd; -- name's" ADD COLUMN ção text DEFAULT 'hunter2; DROP TABLE x' /* ; */""",
        """ALTER TABLE crm."odd; -- name's" DROP COLUMN "drop" -- hunter2""",
        """INSERT INTO crm.customers VALUES (1, 'hunter2', $t$hunter2$t$)""",
    )
    body = "\n".join(f"op.execute({each!r})" for each in sql)
    write_revision(versions_of(shop.root, "crm"), "c2", after="c1", upgrade=body)
    ended = lint(shop)
    assert "hunter2" not in ended.out
    assert "crm.odd; -- name's.drop" in found(ended)["ban-drop-column"]["message"]


class TestWithoutSquawk:
    @pytest.fixture(autouse=True)
    def missing(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(workflow_lint, "find_squawk", lambda: program.find_squawk(beside=tmp_path))
        monkeypatch.setattr("shutil.which", lambda _: None)

    def test_its_absence_is_a_warning_and_the_other_rules_speak(self, shop: Desk) -> None:
        add(shop, "crm", "c2", "c1", "GRANT ALL ON crm.customers TO PUBLIC", "DROP INDEX IF EXISTS crm.i")
        ended = lint(shop)
        assert ended.code == 0
        rules = found(ended)
        assert rules["no-squawk"]["message"] == "squawk is not installed, so its rules were not asked."
        assert rules["no-squawk"]["help"] == "pip install 'migration-coordinator[lint]'"
        assert rules["grant-to-public"]["severity"] == "warning"

    def test_where_it_is_required_the_command_cannot_answer(self, shop: Desk) -> None:
        add(shop, "crm", "c2", "c1", "SELECT 1")
        settings = shop.root / "pyproject.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text + '[tool.migrate.lint]\nsquawk = "required"\n', encoding="utf-8")
        ended = lint(shop)
        assert ended.code == 6
        assert "squawk is not installed" in ended.err
        assert "pip install" in ended.err
        assert "Traceback" not in ended.err

    def test_where_it_is_off_nothing_is_said_of_it(self, shop: Desk) -> None:
        add(shop, "crm", "c2", "c1", "SELECT 1")
        settings = shop.root / "pyproject.toml"
        text = settings.read_text(encoding="utf-8")
        settings.write_text(text + '[tool.migrate.lint]\nsquawk = "off"\n', encoding="utf-8")
        assert "no-squawk" not in found(lint(shop))


def test_lint_and_rights_are_two_questions(shop: Desk) -> None:
    ended = shop.migrate("check", "--lint", "--rights")
    assert ended.code == 2
    assert "--lint and --rights are two questions" in ended.err
