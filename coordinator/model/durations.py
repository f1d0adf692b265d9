"""Lengths of time as people write them: `60s`, `10m`, `1h30m`, `500ms`."""

from __future__ import annotations

import re

_UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")
WANTED = 'a length of time such as "60s", "10m" or "1h30m"'


def parse_duration(text: str) -> float:
    """Seconds. Units must be written, largest first. Raises ValueError naming the wanted form."""
    seconds, position, previous = 0.0, 0, float("inf")
    compact = text.strip()
    for part in _PART.finditer(compact):
        unit = _UNITS[part[2]]
        if part.start() != position or unit >= previous:
            break
        seconds += float(part[1]) * unit
        position, previous = part.end(), unit
    if not compact or position != len(compact):
        raise ValueError(f"{text!r} is not {WANTED}")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads back, to the millisecond."""
    rest = round(seconds * 1000)
    parts = []
    for unit, length in _UNITS.items():
        count, rest = divmod(rest, round(length * 1000))
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
