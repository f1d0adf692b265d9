"""CODEOWNERS: who must approve a change of a file, as GitHub reads it; of GitLab's sections only the owners that they give."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PLACES = ("CODEOWNERS", ".github/CODEOWNERS", ".gitlab/CODEOWNERS", "docs/CODEOWNERS")
_SECTION = re.compile(r"\^?\[[^\]]+\](?:\[\d+\])?")
_ESCAPED_SPACE = re.compile(r"(?<!\\)\s+")


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """The rules of one repository, in their order; the last that matches a file decides."""

    rules: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = ()

    def of(self, path: str) -> tuple[str, ...]:
        """The owners of a file, by its path from the top of the repository; () when nobody is named."""
        for pattern, owners in reversed(self.rules):
            if pattern.match(path):
                return owners
        return ()


def read_code_owners(top: Path) -> CodeOwners:
    """The rules of the repository whose top folder this is; none when it has no such file."""
    for place in _PLACES:
        file = top / place
        try:
            text = file.read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        return parse_code_owners(text)
    return CodeOwners()


def parse_code_owners(text: str) -> CodeOwners:
    """The rules in a text. A section of GitLab's gives its owners to rules that name none."""
    rules = []
    default: tuple[str, ...] = ()
    for raw in text.splitlines():
        line = raw.strip()
        if not line or line.startswith("#"):
            continue
        section = _SECTION.match(line)
        if section is not None:
            default = tuple(line[section.end() :].split())
            continue
        pattern, *owners = (
            each.replace("\\ ", " ") for each in _ESCAPED_SPACE.split(line.split(" #", 1)[0].strip())
        )
        rules.append((_pattern(pattern), tuple(owners) or default))
    return CodeOwners(tuple(rules))


def _pattern(text: str) -> re.Pattern[str]:
    """As in .gitignore: a slash inside binds it to the top, one at the end means a folder with all in it."""
    anchored = text.startswith("/") or "/" in text.rstrip("/")
    body = text.strip("/")
    parts = re.split(r"(\*\*/?|\*|\?)", body)
    wild = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    inner = "".join(wild.get(each) or re.escape(each) for each in parts)
    start = "" if anchored else "(?:.*/)?"
    # `docs/*` means the files right inside, `docs/` and `docs` everything below.
    end = (
        "$"
        if body.endswith("*") and not body.endswith("**") and "/" in body
        else ("/.*$" if text.endswith("/") else "(?:/.*)?$")
    )
    return re.compile(f"{start}{inner}{end}")
