"""`--trace`: what the rehearsal saw of each statement, and what that means at the target's sizes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tests.kept.shelf import all_of
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from tests.failures.site import Site


def build_two(site: Site) -> None:
    """crm's tables are applied and have rows; billing points at one, crm retypes a column of the other, renamed."""
    project(site.root, modules=("crm", "billing"))
    crm, billing = versions_of(site.root, "crm"), versions_of(site.root, "billing")
    write_revision(
        crm,
        "c1",
        upgrade=all_of(
            "CREATE TABLE crm.customers (id int PRIMARY KEY, age int)",
            "CREATE TABLE crm.people (id int PRIMARY KEY)",
        ),
        downgrade=all_of("DROP TABLE crm.customers, crm.people"),
    )
    assert site.migrate("all-modules").code == 0
    site.execute("INSERT INTO crm.customers SELECT n, n FROM generate_series(1, 5000) AS n; ANALYZE")
    write_revision(
        crm,
        "c2",
        after="c1",
        upgrade=all_of(
            "ALTER TABLE customers RENAME TO clients",
            "ALTER TABLE clients ALTER age TYPE bigint",
            "UPDATE clients SET age = 4711 WHERE id = 4711",
        ),
        downgrade=all_of("ALTER TABLE clients ALTER age TYPE int", "ALTER TABLE clients RENAME TO customers"),
    )
    write_revision(
        billing,
        "b1",
        upgrade=all_of("CREATE TABLE billing.payers (id int PRIMARY KEY, person int REFERENCES crm.people)"),
        downgrade=all_of("DROP TABLE billing.payers"),
        requires=["crm:c2"],
    )


def test_a_trace_says_what_the_statements_mean_at_the_targets_sizes(site: Site) -> None:
    build_two(site)
    ended = site.migrate("all-modules", "--trace")
    assert ended.code == 0, ended.err
    assert "locks and work on tables, at the sizes of the target:" in ended.said
    first = ended.said.index("the statement does not name crm.people, which belongs to module crm")
    rewrite = ended.said.index("ACCESS EXCLUSIVE for a rewrite, readers and writers wait")
    assert "crm.customers, 5000 rows, " in ended.said
    assert first < rewrite, "what nobody named comes first"
    assert "an estimate" not in ended.said, "5000 rows take no time that is worth saying"


def test_json_has_the_traces_only_where_they_were_asked_for(site: Site) -> None:
    build_two(site)
    ended = site.migrate("all-modules", "--trace", "--format", "json")
    assert ended.code == 0, ended.err
    document = json.loads(ended.out)
    traces = document["rehearsal"]["traces"]
    assert [(each["module"], each["revision"], each["direction"]) for each in traces] == [
        *[("crm", "c2", "upgrade")] * 3,
        ("billing", "b1", "upgrade"),
    ]
    assert traces[1]["work"] == [
        {"kind": "rewrite", "table": "crm.clients", "index": None, "bytes": traces[1]["work"][0]["bytes"]}
    ]
    assert "4711" not in ended.out
    sizes = {each["table"]: each["rows"] for each in document["forecasts"]}
    assert sizes == {"crm.customers": 5000, "crm.people": 0}
    assert document["forecasts"][0]["table"] == "crm.people"

    write_revision(
        versions_of(site.root, "crm"),
        "c3",
        after="c2",
        upgrade=all_of("ALTER TABLE clients ADD x int"),
        downgrade=all_of("ALTER TABLE clients DROP x"),
    )
    ended = site.migrate("all-modules", "--format", "json")
    document = json.loads(ended.out)
    assert "forecasts" not in document
    assert "traces" not in document["rehearsal"]
