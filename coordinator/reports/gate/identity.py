"""What a finding is known by from one report to the next, and the file that machines show it in."""

from __future__ import annotations

import hashlib
import posixpath
import re
from collections import Counter
from typing import TYPE_CHECKING

from coordinator.reports.gate.reading import Reported, findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.reports.gate.json_ import Document

# Lines move, times and counts change: none of them makes another finding.
_CHANGING = re.compile(r"\d+(?:\.\d+)?")


def identified(document: Document) -> Iterator[tuple[str, Reported]]:
    """Each finding with its fingerprint: the same in every report of the same mistake, and in one report only once."""
    told: Counter[str] = Counter()
    for each in findings(document):
        finding = each.finding
        words = (
            finding.rule,
            str(finding.module or ""),
            str(finding.revision or ""),
            "" if finding.place is None else finding.place.file,
            # A revision's id may be digits; it stands above, so nothing is lost here.
            _CHANGING.sub("#", finding.message),
        )
        content = "\0".join(words)
        number = told[content]
        told[content] += 1
        yield hashlib.sha256(f"{content}\0{number}".encode()).hexdigest(), each


def place_of(document: Document, reported: Reported) -> tuple[str, int]:
    """File, named from the repository's root, and line; for a finding without a place the settings' first line."""
    place = reported.finding.place
    file, line = (document["settings"], 1) if place is None else (place.file, place.line)
    if posixpath.isabs(file):
        return file, line
    return posixpath.normpath(posixpath.join(document["folder"], file)), line
