"""`[tool.migrate.lint]` is read with every mistake at its line, and chooses what counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coordinator.errors import SettingsError
from coordinator.model.lint_rule import LintChoices, SquawkUse
from coordinator.settings.load import load_settings
from coordinator.settings.values import Flags
from tests.trees import project

if TYPE_CHECKING:
    from pathlib import Path


def choices(root: Path, table: str) -> LintChoices:
    project(root, modules=("crm",), settings=f"[tool.migrate.lint]\n{table}")
    return load_settings(start=root, environment={}, flags=Flags()).lint


def test_without_the_table_every_rule_counts_as_we_judge_it(tmp_path: Path) -> None:
    project(tmp_path, modules=("crm",))
    found = load_settings(start=tmp_path, environment={}, flags=Flags()).lint
    assert found == LintChoices(squawk=SquawkUse.AUTO)


def test_rules_can_be_left_out_raised_and_lowered(tmp_path: Path) -> None:
    table = 'squawk = "required"\nexclude = ["star-view"]\nerrors = ["ban-drop-column"]\nwarnings = ["another-schema"]'
    assert choices(tmp_path, table) == LintChoices(
        squawk=SquawkUse.REQUIRED,
        exclude=frozenset({"star-view"}),
        errors=frozenset({"ban-drop-column"}),
        warnings=frozenset({"another-schema"}),
    )


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            'exclude = ["star-veiw"]',
            r"pyproject\.toml:3: There is no rule 'star-veiw'\. Did you mean 'star-view'\?",
        ),
        ('\nerrors = ["ban-drop-colum"]', r"pyproject\.toml:4: .* Did you mean 'ban-drop-column'\?"),
        ('exclude = "star-view"', r"pyproject\.toml:3: 'exclude' must be a list of texts"),
        ('squawk = "yes"', r"'squawk' must be one of \"auto\", \"required\", \"off\""),
        ('exlude = ["star-view"]', r"Unknown key 'exlude' in \[lint\]\. Did you mean 'exclude'\?"),
        (
            'exclude = ["star-view"]\nwarnings = ["star-view"]',
            r"Rule 'star-view' stands in 'exclude' and in 'warnings'\.",
        ),
    ],
)
def test_a_mistake_is_told_at_its_line(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        choices(tmp_path, table)


def test_a_lint_that_is_no_table_is_told(tmp_path: Path) -> None:
    project(tmp_path, modules=("crm",), settings='lint = "required"')
    with pytest.raises(SettingsError, match="'lint' must be a table"):
        load_settings(start=tmp_path, environment={}, flags=Flags())
