"""Each check of the gate is broken once, and stops it; what stands in every format is the same."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coordinator.model.target import DatabaseUrl
from coordinator.postgres.failure import StatementError
from coordinator.staging.binaries import find_binaries
from tests.commands_site import apply
from tests.gate.counter import add_phone, write_map
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from pathlib import Path
    from typing import NoReturn

    from tests.gate.counter import Counter


_BUDGET = {"MIGRATE_CHECK_BUDGET": "1000000 rows, 10s"}


def test_a_revision_file_that_is_no_python_blocks_and_the_rest_did_not_run(counter: Counter) -> None:
    (versions_of(counter.desk.root, "crm") / "c2.py").write_text("def upgrade(:\n")
    judged = counter.blocked("revisions", "syntax-error")
    assert set(judged.outcomes.values()) == {"failed", "not run"}


def test_an_edited_applied_revision_blocks_at_preflight(counter: Counter) -> None:
    file = versions_of(counter.desk.root, "crm") / "c1.py"
    file.write_text(file.read_text().replace("name text", "name text, nick text"))
    counter.blocked("preflight", "edited-revision")


def test_revisions_that_wait_for_each_other_block_at_order(counter: Counter) -> None:
    root = counter.desk.root
    for module, own, other in (("crm", "c", "billing:b2"), ("billing", "b", "crm:c2")):
        table = {"crm": "crm.customers", "billing": "billing.invoices"}[module]
        write_revision(
            versions_of(root, module),
            f"{own}2",
            after=f"{own}1",
            message="wait",
            upgrade=f"op.execute(\"COMMENT ON TABLE {table} IS 'x'\")",
            downgrade=f'op.execute("COMMENT ON TABLE {table} IS NULL")',
            requires=[other],
        )
    judged = counter.blocked("order", "cycle")
    assert judged.outcomes["rehearsal"] == "not run"


def test_a_revision_that_cannot_be_loaded_blocks_at_capture(counter: Counter) -> None:
    add_phone(counter.desk.root, header="import no_such_library")
    judged = counter.blocked("capture", "not-loadable")
    assert judged.outcomes["preflight"] == "not run"


def test_a_version_table_that_is_none_blocks_at_baseline(counter: Counter) -> None:
    counter.desk.execute("ALTER TABLE crm.alembic_version RENAME version_num TO other")
    judged = counter.blocked("baseline", "baseline-failed")
    assert judged.outcomes["revisions"] == "passed"


def test_a_baseline_that_cannot_be_built_blocks_at_staging(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> NoReturn:
        raise StatementError('extension "postgis" is not available')

    add_phone(counter.desk.root)
    monkeypatch.setattr("coordinator.workflow.gate.staging.lay_floor", refused)
    judged = counter.blocked("staging", "staging-failed")
    assert 'extension "postgis" is not available' in judged.check("staging")["told"]
    assert judged.outcomes["preflight"] == "passed"


def test_a_snapshot_alone_is_enough_to_block(counter: Counter, tmp_path: Path) -> None:
    file = tmp_path / "shop.snapshot"
    made = counter.desk.migrate("snapshot", "--output", str(file))
    assert made.code == 0, made.err
    add_phone(counter.desk.root)
    write_map(counter.desk.root)
    parameters = {"host": "127.0.0.1", "port": "1", "user": "x", "dbname": "x"}
    nowhere = replace(counter.desk, url=DatabaseUrl(parameters=parameters))
    judged = replace(counter, desk=nowhere).blocked("map", "map-lacks-column", "--baseline", str(file))
    assert judged.document["baseline"]["kind"] == "snapshot"


def test_what_is_not_known_is_told_once_for_all_modules(counter: Counter) -> None:
    root = counter.desk.root
    code = root / "modules" / "billing" / "total.py"
    code.write_text("total, name = invoices customers (\n", encoding="utf-8")
    for module, own, table, column in (
        ("crm", "c", "crm.customers", "name"),
        ("billing", "b", "billing.invoices", "total"),
    ):
        write_revision(
            versions_of(root, module),
            f"{own}2",
            after=f"{own}1",
            message="drop",
            upgrade=f'op.execute("ALTER TABLE {table} DROP {column}")',
            downgrade=f'op.execute("ALTER TABLE {table} ADD {column} text")',
        )
    judged = counter.gate()
    found = [each for each in judged.check("impact")["findings"] if each["rule"] == "impact-not-known"]
    assert [(each["module"], "no Python" in each["message"]) for each in found] == [(None, True)]


def test_another_modules_schema_blocks_at_lint(counter: Counter) -> None:
    add_phone(
        counter.desk.root,
        upgrade='op.execute("ALTER TABLE crm.customers ADD phone text")\n'
        'op.execute("ALTER TABLE billing.invoices ADD note text")',
        downgrade='op.execute("ALTER TABLE billing.invoices DROP note")\n'
        'op.execute("ALTER TABLE crm.customers DROP phone")',
    )
    judged = counter.blocked("lint", "another-schema")
    assert judged.outcomes["rehearsal"] == "failed"


def test_a_consumer_that_breaks_blocks_at_impact(counter: Counter) -> None:
    desk = counter.desk
    (desk.root / "modules" / "billing" / "report.py").write_text(
        'SQL = "SELECT name FROM crm.customers"\n', encoding="utf-8"
    )
    write_revision(
        versions_of(desk.root, "crm"),
        "c2",
        after="c1",
        message="drop name",
        upgrade='op.execute("ALTER TABLE crm.customers DROP name")',
        downgrade='op.execute("ALTER TABLE crm.customers ADD name text")',
    )
    judged = counter.blocked("impact", "impact-breaks")
    assert "modules/billing/report.py:1" in judged.check("impact")["told"]
    (impact,) = judged.document["impacts"]
    assert impact["verdict"] == "breaks"


def test_drift_under_a_pending_revision_blocks_and_other_drift_warns(counter: Counter) -> None:
    add_phone(counter.desk.root)
    counter.desk.execute("CREATE INDEX by_hand ON billing.invoices (total)")
    judged = counter.approved()
    warned = judged.check("drift")["findings"]
    assert [(each["rule"], each["severity"]) for each in warned] == [("drift", "warning")]
    counter.desk.execute("ALTER TABLE crm.customers ADD by_hand text")
    counter.blocked("drift", "drift")


def test_rows_that_do_not_meet_what_is_demanded_block(counter: Counter) -> None:
    counter.desk.execute("INSERT INTO crm.customers VALUES (1, NULL), (2, 'Bia')")
    write_revision(
        versions_of(counter.desk.root, "crm"),
        "c2",
        after="c1",
        message="require name",
        upgrade='op.execute("ALTER TABLE crm.customers ALTER name SET NOT NULL")',
        downgrade='op.execute("ALTER TABLE crm.customers ALTER name DROP NOT NULL")',
        waive={"adding-not-nullable-field": ("small table", "2999-01-01")},
    )
    judged = counter.blocked("preconditions", "null-rows", environment=_BUDGET)
    assert judged.outcomes["rehearsal"] == "passed"
    assert "Bia" not in "".join(judged.texts.values())


def test_a_way_back_that_is_missing_unsaid_blocks_and_one_that_is_said_does_not(counter: Counter) -> None:
    add_phone(counter.desk.root, downgrade='op.execute("ALTER TABLE crm.customers DROP fone")')
    judged = counter.blocked("reversal", "downgrade-fails")
    assert judged.outcomes["rehearsal"] == "passed"
    add_phone(
        counter.desk.root,
        downgrade='op.execute("ALTER TABLE crm.customers DROP fone")',
        irreversible="the old phones are gone",
    )
    judged = counter.approved()
    assert "declared-irreversible" in [each["rule"] for each in judged.check("reversal")["findings"]]


def test_what_only_fails_from_empty_blocks_there(counter: Counter) -> None:
    # The target has an object by hand that the revision needs; whoever begins from nothing does not.
    counter.desk.execute("CREATE TABLE crm.by_hand (id int)")
    add_phone(
        counter.desk.root,
        upgrade='op.execute("ALTER TABLE crm.customers ADD phone text")\n'
        'op.execute("DO $$ BEGIN PERFORM 1 FROM crm.by_hand; END $$")',
    )
    judged = counter.blocked("from-empty", "from-empty-failed")
    assert judged.outcomes["rehearsal"] == "passed"


def test_a_nightly_pass_takes_back_every_revision_though_nothing_is_pending(counter: Counter) -> None:
    judged = counter.approved("--from-empty=all")
    assert judged.check("from-empty")["told"] == "2 revisions from nothing"
    assert counter.approved().outcomes["from-empty"] == "skipped"
    add_phone(counter.desk.root, downgrade='op.execute("ALTER TABLE crm.customers DROP fax")')
    apply(counter.desk, "--staging", "off")
    assert counter.approved().outcomes["from-empty"] == "skipped"
    # Only what is pending is judged; of the rest it is said.
    found = counter.approved("--from-empty=all").check("from-empty")["findings"]
    assert [(each["rule"], each["severity"], each["revision"]) for each in found] == [
        ("downgrade-fails", "warning", "crm:c2")
    ]


def test_what_is_in_and_cannot_be_built_from_nothing_is_not_the_pending_revisions_fault(
    counter: Counter,
) -> None:
    desk = counter.desk
    desk.execute("CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.by_hand (id int)")
    write_revision(
        versions_of(desk.root, "crm"),
        "c2",
        after="c1",
        message="read by hand",
        upgrade='op.execute("DO $$ BEGIN PERFORM 1 FROM elsewhere.by_hand; END $$")',
    )
    apply(desk)
    write_revision(
        versions_of(desk.root, "billing"),
        "b2",
        after="b1",
        message="add nothing",
        upgrade='op.execute("COMMENT ON TABLE billing.invoices IS $$what customers owe$$")',
        downgrade='op.execute("COMMENT ON TABLE billing.invoices IS NULL")',
    )
    judged = counter.approved()
    assert judged.outcomes["from-empty"] == "skipped"
    assert "not-from-empty" in [each["rule"] for each in judged.check("from-empty")["findings"]]


def test_the_map_is_held_against_what_is_pending_though_the_pass_from_empty_fails(counter: Counter) -> None:
    desk = counter.desk
    write_revision(
        versions_of(desk.root, "billing"),
        "b2",
        after="b1",
        message="look at names, as nobody can read from it",
        upgrade="op.execute(\"DO $$ BEGIN EXECUTE 'SELECT na' || 'me FROM crm.customers'; END $$\")",
    )
    apply(desk)
    add_phone(desk.root, upgrade='op.execute("ALTER TABLE crm.customers DROP name")')
    file = desk.root / "database_map.md"
    text = file.read_text(encoding="utf-8")
    for column in ("name", "phone"):
        text = text.replace(f"| `{column}` | `text` | yes |  |\n", "")
    file.write_text(text, encoding="utf-8")
    judged = counter.blocked("from-empty", "from-empty-failed")
    assert judged.outcomes["map"] == "passed"


def test_a_staging_of_another_major_version_blocks(
    counter: Counter, tmp_path_factory: pytest.TempPathFactory
) -> None:
    from coordinator.errors import UnreachableError
    from coordinator.postgres.url import as_url
    from coordinator.staging.cluster import LocalCluster

    here = int(counter.desk.value("SHOW server_version_num")) // 10000
    found = None
    for major in range(14, 20):
        if major != here:
            try:
                found = find_binaries(environment=os.environ, major=major)
            except UnreachableError:
                continue
    if found is None:
        pytest.skip(f"this machine has no other PostgreSQL than {here}")
    add_phone(counter.desk.root)
    with LocalCluster(found, tmp_path_factory.mktemp("other") / "server") as other:
        counter.blocked("sameness", "another-server", "--staging", as_url(other.url().parameters))


def test_a_pending_revision_that_is_on_hold_is_told(counter: Counter) -> None:
    add_phone(counter.desk.root)
    apply(counter.desk)
    done = counter.desk.migrate("rollback", "crm", "--to", "c1", "--yes", "--staging", "off")
    assert done.code == 0, done.err
    judged = counter.approved()
    (held,) = [each for each in judged.check("order")["findings"] if each["rule"] == "on-hold"]
    assert held["severity"] == "warning"
    assert json.dumps(held)
