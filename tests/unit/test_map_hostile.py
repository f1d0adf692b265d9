"""Files that are no map, names that mean harm, and texts made to be slow."""

from __future__ import annotations

import random
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from coordinator.errors import MapError
from coordinator.mapfile.parser import parse_map, read_map
from coordinator.mapfile.rendering import render_map

if TYPE_CHECKING:
    from pathlib import Path

# Seconds of CPU, not of the clock: other tests run beside this one. A map of this size takes about one.
SOON = 6.0


def read(path: Path) -> MapError:
    with pytest.raises(MapError) as caught:
        read_map(path)
    assert caught.value.exit_code == 2
    assert len(caught.value.findings) == 1
    return caught.value


def test_a_map_that_is_not_there_is_said_with_the_command_that_makes_one(tmp_path: Path) -> None:
    error = read(tmp_path / "map.md")
    assert "there is no map at" in error.message
    assert error.help == "write one with: migrate map write"


def test_a_directory_is_no_map(tmp_path: Path) -> None:
    assert "is a directory" in read(tmp_path).message


@pytest.mark.parametrize("text", ["", "\n\n", "\ufeff", "   \t\n"])
def test_an_empty_map_is_said_to_be_empty(tmp_path: Path, text: str) -> None:
    path = tmp_path / "map.md"
    path.write_text(text, "utf-8")
    assert read(path).findings[0].message == "the map is empty"


def test_a_document_without_modules_is_said_to_name_none(tmp_path: Path) -> None:
    path = tmp_path / "map.md"
    path.write_text("# Map\n\nWe will write it next week.\n")
    error = read(path)
    assert error.findings[0].message == "the map names no module"
    assert "## Module NAME" in str(error.findings[0].help)


def test_binary_rubbish_is_refused_with_its_first_byte_and_line(tmp_path: Path) -> None:
    path = tmp_path / "map.md"
    path.write_bytes(b"# map\n\xff\xfe" + random.Random(1).randbytes(200_000))
    error = read(path)
    assert "no UTF-8 text: byte 0xff at line 2" in error.message
    assert str(error.findings[0].place).endswith("map.md:2:1")


def test_a_nul_byte_is_refused_with_its_line() -> None:
    with pytest.raises(MapError) as caught:
        parse_map("## Module a\n\nx\0y\n", file="m.md")
    assert [(each.rule, str(each.place)) for each in caught.value.findings] == [
        ("map-unreadable", "m.md:3:1")
    ]


@pytest.mark.parametrize("encoding", ["mac_roman", "cp1252"])
def test_letters_garbled_by_an_editor_are_said_to_be_garbled(encoding: str) -> None:
    text = "```\n├── Módulo CRM\n```\n".encode().decode(encoding)
    with pytest.raises(MapError) as caught:
        parse_map(text, file="m.md")
    assert "save it anew as UTF-8" in str(caught.value.findings[0].help)


def test_a_file_beyond_all_measure_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "map.md"
    with path.open("wb") as stream:
        stream.truncate(64 * 1024 * 1024)
    assert "67,108,864 bytes" in read(path).message


def test_scripts_and_tags_in_names_are_text() -> None:
    text = "## Module <script>alert(1)</script>\n\n### <b>t</b>\n\n| Column | Type |\n|---|---|\n| <img src=x> | int |\n"
    found = parse_map(text, file="m.md")
    module = found.modules[0]
    assert module.name == "<script>alert"
    assert module.tables[0].columns[0].name == "<img src=x>"
    rendered = render_map(found)
    outside_code = [part for line in rendered.split("\n") for part in line.split("`")[::2]]
    assert not any("<" in part.replace("\\<", "") for part in outside_code)


def test_windows_line_ends_and_a_byte_order_mark_change_nothing() -> None:
    text = "## Module a\n\n### t\n\n| Column | Type |\n|---|---|\n| x | int |\n"
    assert parse_map("\ufeff" + text.replace("\n", "\r\n"), file="m.md") == parse_map(text, file="m.md")


ROWS = "\n".join(f"| `column_{each}` | `integer` | `crm.customers.id` | a remark |" for each in range(60))
TABLES = "".join(
    f"## Module m{each}\n\n- **Schema:** `m{each}`\n\n### `t{each}`\n\n"
    f"| Column | Type | References | Notes |\n|---|---|---|---|\n{ROWS}\n\n"
    for each in range(600)
)
BRANCHES = "".join(
    f"│   ├── tabela: t{each} (id, customer_id REFERENCES CRM.customers)\n" for each in range(30000)
)


@pytest.mark.parametrize(
    "text",
    [
        TABLES,
        "├── Módulo CRM\n" + BRANCHES,
        "- Módulo CRM\n  - tabela: t (" + ", ".join(f"c{each} int" for each in range(120_000)) + ")",
        "## Module a\n\n**Depends on:** " + ", ".join(f"b{each}.c" for each in range(150_000)),
    ],
    ids=["tables", "tree art", "one line of columns", "one line of needs"],
)
def test_a_map_of_two_megabytes_is_read_fast(text: str) -> None:
    assert len(text) > 1_400_000
    began = time.process_time()
    assert parse_map(text, file="m.md").problems == ()
    assert time.process_time() - began < SOON


@pytest.mark.parametrize(
    "text",
    [
        "[" * 2_000_000,
        "*a " * 600_000,
        "`" * 2_000_000,
        '"' * 2_000_000,
        "> " * 500_000,
        "- " * 500_000,
        "|" * 2_000_000,
        "├──" * 600_000,
        ":" * 2_000_000,
    ],
    ids=lambda text: text[:3],
)
def test_two_megabytes_of_marks_are_refused_fast(text: str) -> None:
    began = time.process_time()
    with pytest.raises(MapError):
        parse_map(text, file="m.md")
    assert time.process_time() - began < SOON


@pytest.mark.parametrize(
    "text", ["(" * 1_000_000, '"a" ' * 300_000, "a " * 500_000 + "—", "a." * 500_000, "b,," * 300_000]
)
def test_a_need_of_a_megabyte_is_read_or_refused_fast(text: str) -> None:
    began = time.process_time()
    with suppress(MapError):
        parse_map(f"## Module a\n\n- depends on: {text}\n", file="m.md")
    assert time.process_time() - began < SOON
