"""An attempt's identity: what is pending, with its content, and the heads that it would start from. Pure."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from coordinator.model.revision import Revision


def attempt_of(
    pending: Iterable[Revision], heads: Mapping[str, frozenset[str]], only: str | None = None
) -> str:
    """SHA-256 in hexadecimal, equal for the same pending revisions, heads and selection, in whatever order they come.

    An edit of a pending revision (comments and layout do not count), a step forwards or back of any module, and
    another `--module` each make another attempt. What else a revision imports or reads does not count: which files
    these are shows only when it runs, and a start that is refused runs nothing.
    """
    document = {
        "pending": sorted([str(each.key), each.digest] for each in pending),
        "heads": {name: sorted(rows) for name, rows in sorted(heads.items()) if rows},
        "only": only,
    }
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()
