"""A map that is empty, huge, rubbish, or names what is not there."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.hostile.harness import migrate, untouched

if TYPE_CHECKING:
    from pathlib import Path

    from coordinator.model.target import DatabaseUrl

READERS = (("all-modules",), ("plan",), ("check",), ("map", "check"), ("map", "show"), ("map", "graph"))


@pytest.mark.parametrize("arguments", READERS, ids=" ".join)
def test_an_empty_map_is_told_and_how_to_begin_one(
    erp: Path, database: DatabaseUrl, target: str, arguments: tuple[str, ...]
) -> None:
    (erp / "database_map.md").touch()
    with untouched(database):
        done = migrate(erp, *arguments, MIGRATE_DATABASE_URL=target)
    done.check(2, "the map 'database_map.md' cannot be used", "the map is empty", "write '## Module NAME'")
    assert not done.out


def test_an_empty_map_can_be_written(erp: Path, shared_state: Path) -> None:
    (erp / "database_map.md").touch()
    migrate(erp, "map", "write").check(0, "database_map.md")
    migrate(erp, "map", "show").check(0, "crm", "customers", "billing", "invoices")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"# Map\n\xff\xfe\x00", ("no UTF-8 text", "byte 0xff at line 2", "(database_map.md:2:1)", "UTF-8")),
        (b"# Map\n\x00\x01\x02\x03", ("NUL byte", "database_map.md:2", "save it as UTF-8 text")),
    ],
    ids=["no text", "text with NUL"],
)
def test_binary_rubbish_as_map_is_told_once_with_its_line(
    erp: Path, database: DatabaseUrl, target: str, content: bytes, words: tuple[str, ...]
) -> None:
    (erp / "database_map.md").write_bytes(content)
    with untouched(database):
        done = migrate(erp, "all-modules", MIGRATE_DATABASE_URL=target)
    done.check(2, *words)
    assert done.said.count(words[0]) == 1


def test_a_map_of_two_megabytes_is_read_whole(erp: Path, target: str) -> None:
    lines = ["# Database map", ""]
    for module in ("crm", "billing"):
        lines += [f"## Module {module}", ""]
        for table in range(1000):
            lines += [f"### table_{table}", "", "| Column | Type |", "|---|---|"]
            lines += [f"| column_number_{column} | character varying(40) |" for column in range(22)]
            lines.append("")
    text = "\n".join(lines)
    assert len(text) > 1_900_000
    (erp / "database_map.md").write_text(text, encoding="utf-8")
    done = migrate(erp, "map", "show", "--format", "json")
    assert done.code == 0
    assert len(json.loads(done.out)["modules"][0]["tables"]) == 1000


@pytest.mark.parametrize("sign", ["x", "| ", "- ", "["])
def test_two_megabytes_of_nonsense_are_refused_in_one_sentence(erp: Path, sign: str) -> None:
    (erp / "database_map.md").write_text(sign * (2_000_000 // len(sign)), encoding="utf-8")
    done = migrate(erp, "map", "show")
    done.check(2, "database_map.md")
    assert len(done.err) < 2000


MISSPELT = """\
# Map

## Module crm

### customers

| Column | Type |
|---|---|
| id | integer |

## Module biling

### Depends on

- crrm.customers
"""


def test_an_unknown_module_in_the_map_is_named_with_line_and_nearest_name(
    erp: Path, database: DatabaseUrl, target: str
) -> None:
    (erp / "database_map.md").write_text(MISSPELT, encoding="utf-8")
    told = (
        "the map names module 'biling', which is not there (database_map.md:11",
        "did you mean 'billing'?",
        "the map names module 'crrm', which is not there (database_map.md:15",
        "did you mean 'crm'?",
    )
    with untouched(database):
        migrate(erp, "map", "check").check(1, *told, "migrate map write")
        migrate(erp, "plan", MIGRATE_DATABASE_URL=target).check(0, *told)


def test_a_map_that_is_a_directory_or_beyond_all_measure_is_refused(erp: Path) -> None:
    (erp / "database_map.md").mkdir()
    migrate(erp, "map", "show").check(2, "the map 'database_map.md' is a directory", "name the Markdown file")
    (erp / "database_map.md").rmdir()
    with (erp / "database_map.md").open("wb") as file:
        file.truncate(17 * 1024 * 1024)
    migrate(erp, "map", "show").check(2, "17,825,792 bytes", "16,777,216")
