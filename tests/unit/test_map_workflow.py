"""The use cases of the map over files: whole or not at all, and only built for when it can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from coordinator.errors import MapError, SettingsError
from coordinator.model.built_schema import BuiltColumn, BuiltModule, BuiltSchema, BuiltTable
from coordinator.model.module import Module
from coordinator.workflow.map import check_map, draw_map, show_map, write_map, write_text

MODULES = (Module(name="crm", path=Path("modules/crm"), schemas=("crm",), owner="crm_owner"),)
CUSTOMERS = BuiltTable(
    schema="crm", name="customers", columns=(BuiltColumn(name="id", type="bigint", nullable=False),)
)
BUILT = BuiltSchema(modules=(BuiltModule(name="crm", schemas=("crm",), tables=(CUSTOMERS,)),))


def built() -> BuiltSchema:
    return BUILT


def not_asked() -> BuiltSchema:
    raise AssertionError("nothing may be built")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "database_map.md"


def test_a_map_written_from_nothing_passes_its_check(path: Path) -> None:
    written = write_map(path, MODULES, built, output=None)
    assert (written.changed, written.path) == (True, path)
    checked = check_map(path, MODULES, built)
    assert checked.passed
    assert checked.findings == ()
    assert "- **Owner:** `crm_owner`" in path.read_text()


def test_writing_twice_leaves_the_file_untouched(path: Path) -> None:
    write_map(path, MODULES, built, output=None)
    before = path.stat()
    assert not write_map(path, MODULES, built, output=None).changed
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_prose_and_notes_stay_when_the_map_is_brought_up_to_date(path: Path) -> None:
    write_map(path, MODULES, built, output=None)
    text = path.read_text().replace("| `id` | `bigint` | no |  |  |", "| `id` | `bigint` | no |  | the key |")
    path.write_text(text.replace("### `customers`\n", "### `customers`\n\nWho buys from us.\n"))
    phone = BuiltColumn(name="phone", type="text")
    table = BuiltTable(schema="crm", name="customers", columns=(*CUSTOMERS.columns, phone))
    now = BuiltSchema(modules=(BuiltModule(name="crm", schemas=("crm",), tables=(table,)),))
    assert not check_map(path, MODULES, lambda: now).passed
    write_map(path, MODULES, lambda: now, output=None)
    assert "| `id` | `bigint` | no |  | the key |\n| `phone` | `text` | yes |  |  |\n" in path.read_text()
    assert "Who buys from us." in path.read_text()
    assert check_map(path, MODULES, lambda: now).passed


def test_output_is_written_elsewhere_and_the_map_stays_as_it_is(path: Path, tmp_path: Path) -> None:
    path.write_text("# Our map\n\nProse.\n")
    other = tmp_path / "new.md"
    assert write_map(path, MODULES, built, output=other).path == other
    assert path.read_text() == "# Our map\n\nProse.\n"
    assert other.read_text().startswith("# Our map\n\nProse.\n\n## Module crm\n")


def test_a_map_that_cannot_be_read_is_neither_written_over_nor_built_for(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")
    for use in (
        lambda: write_map(path, MODULES, not_asked, output=None),
        lambda: check_map(path, MODULES, not_asked),
    ):
        with pytest.raises(MapError):
            use()
    assert path.read_bytes() == b"\xff\xfe"


def test_a_map_that_contradicts_itself_is_not_written_over(path: Path) -> None:
    path.write_text("## Module crm\n\n## Module CRM\n")
    with pytest.raises(MapError, match="1 problem"):
        write_map(path, MODULES, not_asked, output=None)
    assert path.read_text() == "## Module crm\n\n## Module CRM\n"


def test_a_name_that_nobody_knows_is_told_once(path: Path) -> None:
    path.write_text("## Module crn\n\n[other modules...]\n")
    found = check_map(path, MODULES, built).findings
    assert [(each.rule, each.help) for each in found] == [("map-unknown-module", "did you mean 'crm'?")]


def test_a_schema_of_nobody_is_told_once(path: Path) -> None:
    path.write_text("- Module crm (schema: crm, schema: old_crm)\n")
    found = check_map(path, MODULES, built).findings
    assert [each.message for each in found] == [
        "schema 'old_crm' belongs to no module, and the map gives it to 'crm'"
    ]


def test_show_and_graph_need_nothing_but_the_file(path: Path) -> None:
    path.write_text("## Module crm\n")
    assert [each.name for each in show_map(path).modules] == ["crm"]
    assert draw_map(path, tables=False) == 'flowchart LR\n  m1["crm"]\n'
    assert draw_map(path, tables=True) == "erDiagram\n"


def test_a_file_is_replaced_whole_and_keeps_its_rights_and_its_link(tmp_path: Path) -> None:
    real, link = tmp_path / "real.md", tmp_path / "link.md"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    write_text(link, "new")
    assert link.is_symlink()
    assert (real.read_text(), real.stat().st_mode & 0o777) == ("new", 0o640)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["link.md", "real.md"]


def test_a_place_that_cannot_be_written_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        write_text(tmp_path / "missing" / "map.md", "text")
    (tmp_path / "folder").mkdir()
    with pytest.raises(SettingsError, match="Is a directory"):
        write_text(tmp_path / "folder", "text")
    assert [each.name for each in tmp_path.iterdir()] == ["folder"]
