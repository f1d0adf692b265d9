"""What the pages promise is what the program reads: no key, name or rule is missing from its page."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from coordinator.checks.preflight.registry import PREFLIGHT_CHECKS
from coordinator.revisions.headers import NAMES
from coordinator.settings.load import ENVIRONMENT_KEYS, FILE_KEYS, load_settings
from coordinator.settings.modules import MODULE_KEYS
from coordinator.settings.values import EmbeddedTarget, Flags

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("key", sorted({*FILE_KEYS, *ENVIRONMENT_KEYS, *MODULE_KEYS}))
def test_every_key_is_on_the_settings_page(key: str) -> None:
    assert key in (DOCS / "settings.md").read_text()


def test_the_settings_pages_example_loads(tmp_path: Path) -> None:
    text = (DOCS / "settings.md").read_text()
    example = text.split("```toml\n")[1].split("```")[0]
    assert set(tomllib.loads(example)["tool"]["migrate"]) == {"map", "environment", "modules", "environments"}
    (tmp_path / "pyproject.toml").write_text(example)
    for name in ("local", "production"):
        given = {"PRODUCTION_DATABASE_URL": "postgresql://db/erp"}
        settings = load_settings(start=tmp_path, environment=given, flags=Flags(env=name))
        assert [module.name for module in settings.modules] == ["crm"]
        assert isinstance(settings.target, EmbeddedTarget) is (name == "local")


@pytest.mark.parametrize("name", NAMES[4:])
def test_every_declared_name_is_on_the_authoring_page(name: str) -> None:
    assert f"| `{name}` |" in (DOCS / "authoring.md").read_text()


@pytest.mark.parametrize("rule", [check.name for check in PREFLIGHT_CHECKS])
def test_every_check_has_a_row_and_a_section(rule: str) -> None:
    text = (DOCS / "checks-preflight.md").read_text()
    assert f"| [`{rule}`](#{rule}) |" in text
    assert f"\n## {rule}\n" in text
