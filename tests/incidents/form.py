"""The published form of a report, read from its page, and what of a document does not keep to it."""

from __future__ import annotations

import datetime
import re
from typing import Any

from tests.failures.site import REPOSITORY

PAGE = REPOSITORY / "docs" / "incident-report.md"
_ROW = re.compile(r"^\| `(?P<field>[\w.\[\]]+)` \| (?P<kind>[^|]+?) \| (?P<meaning>[^|]+?) \|$", re.MULTILINE)


def published() -> dict[str, str]:
    """Field -> type, as the page says."""
    return {match["field"]: match["kind"] for match in _ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def violations(document: dict[str, Any]) -> list[str]:
    """Fields that the page does not name, lacks, or names with another type."""
    fields = published()
    found = dict(_leaves(document))
    wrong = [f"{field} is not on the page" for field in found if field not in fields]
    wrong += [
        f"{field} is {values!r} and should be {fields[field]}"
        for field, values in found.items()
        if field in fields and not all(_fits(value, fields[field]) for value in values)
    ]
    # A list that is empty shows none of its fields.
    wrong += [
        f"{field} is missing"
        for field in fields
        if "[]" not in field and field not in found and field not in _OPTIONAL
    ]
    return wrong


_OPTIONAL = ("rollback.settled_by",)


def _leaves(value: Any, path: str = "") -> list[tuple[str, list[Any]]]:
    if isinstance(value, dict):
        return _joined(
            [leaf for name, each in value.items() for leaf in _leaves(each, f"{path}.{name}".lstrip("."))]
        )
    if isinstance(value, list):
        return _joined([leaf for each in value for leaf in _leaves(each, f"{path}[]")])
    return [(path, [value])]


def _joined(leaves: list[tuple[str, list[Any]]]) -> list[tuple[str, list[Any]]]:
    found: dict[str, list[Any]] = {}
    for path, values in leaves:
        found.setdefault(path, []).extend(values)
    return list(found.items())


def _fits(value: Any, kind: str) -> bool:
    if value is None:
        return kind.endswith(" or null")
    wanted = kind.removesuffix(" or null")
    if wanted == "moment":
        return datetime.datetime.fromisoformat(value).tzinfo is not None
    if wanted == "number":
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, {"text": str, "boolean": bool}[wanted])
