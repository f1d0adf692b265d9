"""docs/lint.md shows every rule: those of modules with a section, squawk's in one table with severity and reason."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coordinator.model.module_rules import MODULE_RULES
from coordinator.model.squawk_rules import SQUAWK_RULES

PAGE = (Path(__file__).parents[2] / "docs" / "lint.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("rule", MODULE_RULES)
def test_every_module_rule_has_a_row_and_a_section_with_an_example(rule: str) -> None:
    assert re.search(
        rf"^\| \[`{rule}`\]\(#{rule}\) \| {MODULE_RULES[rule].severity_word}", PAGE, re.MULTILINE
    )
    section = PAGE.partition(f"\n### {rule}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    assert "```" in section
    assert re.search(r"\bbad\b", section, re.IGNORECASE)
    assert "good" in section


def test_the_table_of_squawks_rules_is_the_one_in_the_code() -> None:
    rows = dict(re.findall(r"^\| `([a-z-]+)` \| (.+) \|$", PAGE, re.MULTILINE))
    assert rows == {
        rule.name: f"{rule.severity_word}{'; note on a small table' if rule.by_size else ''} | {rule.why}"
        for rule in SQUAWK_RULES.values()
    }
