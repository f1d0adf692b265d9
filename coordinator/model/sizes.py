"""Sizes as people write them: `500KB`, `100MB`, `2GB`; a thousand of each makes one of the next."""

from __future__ import annotations

import re

_UNITS = {"TB": 1_000_000_000_000, "GB": 1_000_000_000, "MB": 1_000_000, "KB": 1_000, "B": 1}
_FORM = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)", re.IGNORECASE)
WANTED_SIZE = 'a size such as "500KB", "100MB" or "2GB"'


def parse_size(text: str) -> int:
    """Bytes; the unit must be written. Raises ValueError naming the wanted form."""
    found = _FORM.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"{text!r} is not {WANTED_SIZE}")
    return round(float(found[1]) * _UNITS[found[2].upper()])


def format_size(size: int) -> str:
    """The size in its largest unit, with one digit behind the point where that says more."""
    unit, length = next((each for each in _UNITS.items() if size >= each[1]), ("B", 1))
    return f"{size / length:.1f}".removesuffix(".0") + f" {unit}"
