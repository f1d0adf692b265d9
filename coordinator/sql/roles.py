"""Which roles texts name that make them, as far as they write out the statements with the names in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_CREATE = r"CREATE\s+(?:ROLE|USER|GROUP)"
_NAME = r'\s+(?:\\?"(?P<quoted>[^"\\]+)|(?!MAPPING\b)(?P<plain>\w+))'
_MADE = re.compile(rf"\b{_CREATE}{_NAME}", re.IGNORECASE)
_MADE_OR_EXPLAINED = re.compile(rf"\b(?:{_CREATE}|COMMENT\s+ON\s+ROLE){_NAME}", re.IGNORECASE)


def roles_made_in(sources: Iterable[str]) -> frozenset[str]:
    """The roles that these texts make."""
    return frozenset(_shown(found) for source in sources for found in _MADE.finditer(source))


def roles_told_of_in(text: str) -> frozenset[str]:
    """Those that a text makes, or puts a comment on."""
    return frozenset(_shown(found) for found in _MADE_OR_EXPLAINED.finditer(text))


def _shown(found: re.Match[str]) -> str:
    return str(found["quoted"] or found["plain"].lower())
