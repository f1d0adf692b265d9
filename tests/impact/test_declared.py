"""What a line of the map says of a change, weighed against what is known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coordinator.impact.declared import Declaration, with_declared
from coordinator.model.impact import ConsumerKind, Verdict
from tests.impact.bench import OWNERS, judged

USED_BY = Declaration(
    consumer="bill", provider="crm", what=None, used=None, column=None, shown="crm is used by bill", place="map.md:1"
)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "verdict", "uses"),
    [
        ("ALTER TABLE crm.people ALTER phone SET NOT NULL", Verdict.DEGRADES, "crm.people"),
        ("ALTER TABLE crm.people DROP COLUMN phone", Verdict.BREAKS, "crm.people.phone"),
        ("ALTER TABLE crm.people RENAME age TO years", None, ""),
    ],
)
def test_a_line_that_names_only_who_uses_it_says_the_same_as_that_one(
    change: str, verdict: Verdict | None, uses: str
) -> None:
    impacts, branch = judged(change, "UPDATE crm.people SET phone = 'x'")
    told = [
        each
        for impact in with_declared(impacts, branch.alterations, [USED_BY], [], OWNERS)
        for each in impact.consumers
        if each.kind is ConsumerKind.MAP
    ]
    assert [(each.verdict, each.uses) for each in told] == ([(verdict, uses)] if verdict else [])


def test_what_lies_in_a_schema_changes_with_it() -> None:
    line = replace(USED_BY, used=("crm", "people"), column="phone", shown="bill uses crm.people.phone")
    for change in ("DROP SCHEMA crm CASCADE", "ALTER SCHEMA crm RENAME TO customers"):
        impacts, branch = judged(change)
        (impact,) = with_declared(impacts, branch.alterations, [line], [], OWNERS)
        told = [each for each in impact.consumers if each.kind is ConsumerKind.MAP]
        assert [each.uses for each in told] == ["crm.people.phone"]
