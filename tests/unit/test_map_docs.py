"""The page about the map: its examples are maps, and every finding is on it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from coordinator.mapfile.parser import parse_map
from coordinator.model.database_map import MapForm

REPOSITORY = Path(__file__).parents[2]
PAGE = (REPOSITORY / "docs" / "database-map.md").read_text("utf-8")
SOURCES = "".join(each.read_text("utf-8") for each in (REPOSITORY / "coordinator" / "mapfile").glob("*.py"))
RULES = sorted(set(re.findall(r'"(map-[a-z-]+)"', SOURCES)))
CANONICAL, TREE, BULLETS = re.findall(r"^```(?:markdown)?\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_the_rules_are_found_in_the_source() -> None:
    assert {"map-lacks-edge", "map-unreadable", "map-wrong-schema"} <= set(RULES)


@pytest.mark.parametrize("rule", RULES)
def test_every_finding_is_explained(rule: str) -> None:
    assert f"`{rule}`" in PAGE


def test_the_example_of_the_canonical_form_is_understood_whole() -> None:
    found = parse_map(CANONICAL, file="example.md")
    assert (found.form, found.problems) == (MapForm.CANONICAL, ())
    assert [each.name for each in found.modules[0].tables[0].columns] == ["id", "name", "owner_id"]


def test_the_examples_of_the_sketch_say_the_same() -> None:
    tree, bullets = parse_map(TREE, file="tree.md"), parse_map(BULLETS, file="bullets.md")
    assert tree.form is bullets.form is MapForm.SKETCH
    assert tree.problems == bullets.problems == ()
    assert tree.module_edges == bullets.module_edges
    assert [each.name for each in tree.modules] == [each.name for each in bullets.modules]


def test_the_map_of_the_sample_is_understood_whole() -> None:
    found = parse_map((REPOSITORY / "database_map.md").read_text("utf-8"), file="database_map.md")
    assert (found.form, found.problems) == (MapForm.CANONICAL, ())
    assert len(found.modules) >= 6
