"""A snapshot comes back from its file exactly, and a file that is anything else is refused in words."""

from __future__ import annotations

import json
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema  # type: ignore[import-untyped]
import pytest

from coordinator.cli.main import run
from coordinator.snapshots.file import SnapshotError, digest_of, read_snapshot, snapshot_text, write_snapshot
from tests.snapshot.values import document, snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "snapshot-1.schema.json"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "production.json"
    write_snapshot(path, snapshot())
    return path


def test_it_comes_back_exactly(file: Path) -> None:
    assert read_snapshot(file) == snapshot()


def test_the_same_snapshot_always_gives_the_same_text() -> None:
    assert snapshot_text(snapshot()) == snapshot_text(snapshot())


def test_it_is_as_the_published_schema_says() -> None:
    schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(document(snapshot_text(snapshot())))
    broken = document(snapshot_text(snapshot()))
    del broken["ledger"]["applied"]
    broken["rowsOfUsers"] = []
    said = sorted(error.message for error in validator.iter_errors(broken))
    assert len(said) == 2
    assert "'applied' is a required property" in said[0]
    assert "rowsOfUsers" in said[1]


def test_another_layout_says_the_same_and_line_ends_do_not_count(file: Path) -> None:
    text = json.dumps(document(file.read_text(encoding="utf-8")), indent=4, sort_keys=True)
    file.write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    assert read_snapshot(file) == snapshot()


def edited(change: Callable[[str], str]) -> Callable[[Path], None]:
    def spoil(file: Path) -> None:
        file.write_text(change(file.read_text(encoding="utf-8")), encoding="utf-8")

    return spoil


def newer(file: Path) -> None:
    """What a later program may write: another format, honestly made."""
    value = document(file.read_text(encoding="utf-8"))
    value |= {"format": 2, "program": "9.1"}
    value["digest"] = digest_of(value)
    file.write_text(json.dumps(value), encoding="utf-8")


def without_a_key(file: Path) -> None:
    value = document(file.read_text(encoding="utf-8"))
    del value["ledger"]["version"]
    value["digest"] = digest_of(value)
    file.write_text(json.dumps(value), encoding="utf-8")


def endless(file: Path) -> None:
    file.write_text("[" * 200_000, encoding="utf-8")


def huge(file: Path) -> None:
    os.truncate(file, 2_000_000_000)  # no block of it is written


def binary(file: Path) -> None:
    file.write_bytes(b"\x1f\x8b\x08\x00\xff\xfe" * 100)


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "a letter changed": (
        edited(lambda text: text.replace("customers", "customerz", 1)),
        "changed after it was made",
    ),
    "a size changed": (edited(lambda text: text.replace("8192", "8193", 1)), "changed after it was made"),
    "the digest removed": (edited(lambda text: text.replace('"digest"', '"digset"', 1)), "has no digest"),
    "cut off": (edited(lambda text: text[:400]), "no whole snapshot"),
    "cut off at the end": (edited(lambda text: text.rstrip()[:-1]), "it is cut off"),
    "empty": (edited(lambda _: ""), "is empty"),
    "blank": (edited(lambda _: " \n\n"), "is empty"),
    "other text": (edited(lambda _: "CREATE TABLE t ();\n"), "is no JSON at line 1"),
    "another JSON": (edited(lambda _: '{"kind": "certificate"}'), 'its "kind" is not "migrate snapshot"'),
    "a list": (edited(lambda _: "[1, 2]"), "it is JSON, and no object"),
    "no format": (edited(lambda _: '{"kind": "migrate snapshot"}'), "does not say its format"),
    "a newer format": (newer, "has format 2, written by coordinator 9.1; this one knows 1"),
    "a key less": (without_a_key, "it has no 'version'"),
    "binary": (binary, "a text in UTF-8"),
    "nested without end": (endless, "is no snapshot"),
    "a number of a million digits": (edited(lambda _: '{"kind": ' + "9" * 1_000_000 + "}"), "is no snapshot"),
    "huge": (huge, "2,000,000,000 bytes"),
    "gone": (Path.unlink, "There is no file"),
    "a folder": (folder, "is no file"),
}


@pytest.mark.parametrize(("spoil", "words"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_snapshot_is_refused_in_words(
    file: Path, spoil: Callable[[Path], None], words: str
) -> None:
    spoil(file)
    with pytest.raises(SnapshotError) as caught:
        read_snapshot(file)
    assert words in caught.value.message
    assert str(file) in caught.value.message
    assert caught.value.help
    assert caught.value.exit_code == 2


def test_the_command_line_says_so_too(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write_text("{", encoding="utf-8")
    (tmp_path / "modules" / "crm" / "migrations" / "versions").mkdir(parents=True)
    (tmp_path / "pyproject.toml").write_text("[tool.migrate]\n", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(["plan", "--baseline", "production.json"]) == 2
    said = capsys.readouterr().err
    assert "'production.json' is no whole snapshot" in " ".join(said.split())
    assert "Traceback" not in said


def test_writing_that_fails_leaves_the_old_file(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SnapshotError, match="No space left on device"):
        write_snapshot(file, snapshot(environment="other"))
    assert read_snapshot(file).environment == "production"
    assert [each.name for each in tmp_path.iterdir()] == ["production.json"]


def test_a_link_and_the_rights_of_a_file_stay(file: Path, tmp_path: Path) -> None:
    file.chmod(0o640)
    link = tmp_path / "latest.json"
    link.symlink_to(file)
    write_snapshot(link, snapshot(environment="other"))
    assert link.is_symlink()
    assert read_snapshot(file).environment == "other"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


def test_what_is_no_file_is_written_to_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor() as pool:
        text = pool.submit(pipe.read_text, encoding="utf-8")
        write_snapshot(pipe, snapshot())
        assert text.result(timeout=60) == snapshot_text(snapshot())
    assert pipe.is_fifo()


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(SnapshotError, match="cannot be written: No such file"):
        write_snapshot(tmp_path / "nowhere" / "s.json", snapshot())


def test_halves_of_characters_and_controls_survive(tmp_path: Path) -> None:
    odd = "a\u0001b\u2028c\U0001f4a5\\u0000 é e\u0301"
    path = tmp_path / "odd.json"
    write_snapshot(path, snapshot(definitions=f"-- {odd}\n", environment=odd))
    assert read_snapshot(path).environment == odd
    assert read_snapshot(path).definitions == f"-- {odd}\n"
