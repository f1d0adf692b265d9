"""The gate as a pipeline uses it: one run, every report, each held against its format's schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from tests.gate import formats
from tests.trees import project, versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.commands_site import Desk

_FILES = {
    "json": "gate.json",
    "text": "gate.txt",
    "markdown": "gate.md",
    "junit": "gate.xml",
    "sarif": "gate.sarif",
    "code-quality": "gl.json",
}

MAP = """\
# Map

## Module crm

- **Schema:** `crm`

### `customers`

| Column | Type | Nullable | Notes |
|---|---|---|---|
| `id` | `integer` | no | primary key |
| `name` | `text` | yes |  |
{more}
## Module billing

- **Schema:** `billing`

### `invoices`

| Column | Type | Nullable | Notes |
|---|---|---|---|
| `id` | `integer` | no | primary key |
| `total` | `integer` | yes |  |
"""


def write_small_shop(root: Path) -> None:
    """crm and billing with a revision each, and the map of both; settings that lint by the modules' rules alone."""
    project(
        root,
        modules=("crm", "billing"),
        settings='environment = "local"\n[tool.migrate.environments.local]\ntarget = "embedded"\n',
    )
    write_revision(
        versions_of(root, "crm"),
        "c1",
        message="create customers",
        upgrade='op.execute("CREATE TABLE crm.customers (id int PRIMARY KEY, name text)")',
        downgrade='op.execute("DROP TABLE crm.customers")',
    )
    write_revision(
        versions_of(root, "billing"),
        "b1",
        message="create invoices",
        upgrade='op.execute("CREATE TABLE billing.invoices (id int PRIMARY KEY, total int)")',
        downgrade='op.execute("DROP TABLE billing.invoices")',
    )
    write_map(root)


def write_map(root: Path, *columns: str) -> None:
    """The map, with these columns more in crm.customers (text)."""
    more = "".join(f"| `{name}` | `text` | yes |  |\n" for name in columns)
    (root / "database_map.md").write_text(MAP.format(more=more), encoding="utf-8")


def add_phone(root: Path, **more: Any) -> None:
    """A sound revision: crm:c2 adds a column, and the map knows it."""
    write_revision(
        versions_of(root, "crm"),
        "c2",
        after="c1",
        **{
            "message": "add phone",
            "upgrade": 'op.execute("ALTER TABLE crm.customers ADD phone text")',
            "downgrade": 'op.execute("ALTER TABLE crm.customers DROP phone")',
            **more,
        },
    )
    write_map(root, "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A gate that has ended: its exit code, what it wrote to the streams, and its reports, each proved by its schema."""

    code: int
    out: str
    err: str
    document: dict[str, Any]
    texts: Mapping[str, str]
    sarif: dict[str, Any]
    code_quality: list[dict[str, Any]]

    @property
    def said(self) -> str:
        """Standard error with every run of white space made one blank."""
        return " ".join(self.err.split())

    @property
    def outcomes(self) -> dict[str, str]:
        """Each check's outcome."""
        return {
            each["name"]: each["outcome"] for stage in self.document["stages"] for each in stage["checks"]
        }

    def check(self, name: str) -> dict[str, Any]:
        """One check."""
        found = [
            each for stage in self.document["stages"] for each in stage["checks"] if each["name"] == name
        ]
        assert found, f"no check {name}: {list(self.outcomes)}"
        return cast("dict[str, Any]", found[0])

    @property
    def rules(self) -> set[str]:
        """The rules of all errors."""
        return {
            each["rule"]
            for stage in self.document["stages"]
            for check in stage["checks"]
            for each in check["findings"]
            if each["severity"] == "error"
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """Runs gates; the reports go to `folder`."""

    desk: Desk
    folder: Path

    def gate(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Judged:
        """Run a gate to its verdict, with all reports."""
        self.folder.mkdir(exist_ok=True)
        wanted = [f"--report={form}={self.folder / name}" for form, name in _FILES.items()]
        ended = self.desk.migrate("gate", *wanted, *arguments, environment=environment)
        assert ended.code in (0, 1, 4, 6), ended.err
        texts = {form: (self.folder / name).read_text(encoding="utf-8") for form, name in _FILES.items()}
        judged = Judged(
            code=ended.code,
            out=ended.out,
            err=ended.err,
            document=formats.check_json(texts["json"]),
            texts=texts,
            sarif=formats.check_sarif(texts["sarif"]),
            code_quality=formats.check_code_quality(texts["code-quality"]),
        )
        formats.check_junit(texts["junit"])
        formats.check_markdown(texts["markdown"])
        formats.check_text(texts["text"])
        return judged

    def approved(self, *arguments: str, environment: Mapping[str, str] | None = None) -> Judged:
        """The same, and it is approved in every format."""
        judged = self.gate(*arguments, environment=environment)
        assert (judged.code, judged.document["verdict"]) == (0, "approved"), judged.texts["text"]
        assert judged.document["reasons"] == []
        assert "APPROVED" in judged.texts["text"]
        assert "Migration gate: approved" in judged.texts["markdown"]
        assert "<failure" not in judged.texts["junit"]
        assert 'value="approved"' in judged.texts["junit"]
        assert judged.sarif["invocations"][0]["exitCode"] == 0
        assert not [each for each in judged.sarif["results"] if each["level"] == "error"]
        assert not [each for each in judged.code_quality if each["severity"] == "blocker"]
        return judged

    def blocked(
        self, check: str, rule: str, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> Judged:
        """The same, and it is blocked by that check and that rule, for the same reason in every format."""
        judged = self.gate(*arguments, environment=environment)
        assert (judged.code, judged.document["verdict"]) == (1, "blocked"), judged.texts["text"]
        failed = judged.check(check)
        assert failed["outcome"] == "failed", judged.texts["text"]
        assert check in [each["check"] for each in judged.document["reasons"]]
        assert rule in {each["rule"] for each in failed["findings"] if each["severity"] == "error"}, failed
        assert_same_reason(judged, failed, rule)
        return judged


def assert_same_reason(judged: Judged, failed: dict[str, Any], rule: str) -> None:
    """Every format shows why the check failed."""
    from xml.etree import ElementTree

    why, words = failed["told"], failed["told"].split()
    assert "BLOCKED" in judged.texts["text"]
    assert all(word in judged.texts["text"] for word in words)
    assert "Migration gate: blocked" in judged.texts["markdown"]
    root = ElementTree.fromstring(judged.texts["junit"])
    assert why in [each.get("message") for each in root.iter("failure")]
    errors = [each for each in judged.sarif["results"] if each["level"] == "error"]
    assert rule in [each["ruleId"] for each in errors]
    assert any(reason["why"] == why for reason in judged.sarif["properties"]["reasons"])
    assert rule in [each["check_name"] for each in judged.code_quality if each["severity"] == "blocker"]
