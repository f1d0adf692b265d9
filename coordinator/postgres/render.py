"""A statement with its parameters written into it, the way psycopg would bind them on this side."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import psycopg
from psycopg import sql

_PLACEHOLDER = re.compile(r"%(?:\((?P<name>[^)]+)\)s|(?P<next>s)|(?P<percent>%))")


def render(text: str, parameters: object) -> str:
    """The text that reaches the server. With parameters (even none of them) `%%` means `%`, as in psycopg.

    Raises ValueError for a placeholder that has no value or one that SQL cannot write, for a `%` that is no
    placeholder, and for a character that cannot reach the server (libpq would cut the text there, silently).
    """
    if "\x00" in text:
        raise ValueError("a statement with a NUL character")
    if parameters is None:
        return text
    position = iter(parameters) if isinstance(parameters, Sequence) else iter(())

    def value(found: re.Match[str]) -> str:
        if found["percent"]:
            return "%"
        try:
            bound = next(position) if found["next"] else _named(parameters, found["name"])
        except (StopIteration, KeyError):
            raise ValueError(f"no value for {found[0]!r}") from None
        try:
            return sql.Literal(bound).as_string(None)
        except psycopg.Error as error:
            raise ValueError(f"a value for {found[0]!r} cannot be sent: {error}") from None

    rendered = _PLACEHOLDER.sub(value, text)
    stray = re.search("%", _PLACEHOLDER.sub("", text))
    if stray:
        raise ValueError("a single '%' in a statement with parameters; write '%%'")
    return rendered


def _named(parameters: object, name: str) -> object:
    if not isinstance(parameters, Mapping):
        raise KeyError(name)
    return parameters[name]
