"""What in a text of SQL, or in a definition as a catalog prints it, is plainly a password. Pure.

Only literals that can be nothing else are known as one. A secret that looks like any other text is not found.
"""

from __future__ import annotations

import re

LEFT_OUT = "***"

# PASSWORD 'secret', as in CREATE ROLE and in OPTIONS of servers, user mappings and foreign tables.
_LITERAL = re.compile(r"(?P<before>\b(?:ssl)?password\s+')(?P<value>(?:[^']|'')*)(?=')", re.IGNORECASE)
_ESCAPED = re.compile(r"(?P<before>\b(?:ssl)?password\s+E')(?P<value>(?:[^'\\]|''|\\.)*)(?=')", re.IGNORECASE)
# postgresql://user:secret@host
_URL = re.compile(
    r"(?P<before>\b[a-z][a-z0-9+.-]*://[^\s:/@'\"]*:)(?P<value>[^\s/@'\"]+)(?=@)", re.IGNORECASE
)
# host=… password=secret: pairs alone, so that a condition such as `host = h AND password = p` is none.
_KEYS = r"(?:host|hostaddr|user|dbname|port|service|sslmode|connect_timeout|application_name)"
_PAIRS_BEFORE = re.compile(
    rf"(?P<before>\b(?:{_KEYS}=[^\s'\"]+\s+)+(?:ssl)?password=)(?P<value>[^\s'\"]*[^\s'\",])", re.IGNORECASE
)
_PAIR_AFTER = re.compile(
    rf"(?P<before>\b(?:ssl)?password=)(?P<value>[^\s'\"]+)(?=\s+{_KEYS}=)", re.IGNORECASE
)
_PLAIN = (_LITERAL, _ESCAPED, _URL, _PAIRS_BEFORE, _PAIR_AFTER)
# Options of a foreign table or of its columns as the catalog prints them; a value may have a comma in it.
_OPTIONS = re.compile(r"\boptions [^\n]+", re.IGNORECASE)
_OPTION = re.compile(
    r"(?P<before>(?:\boptions (?:of the server )?|, )(?:ssl)?password=)(?P<value>.+?)(?=, \w+=|$)",
    re.IGNORECASE,
)
_MAY_HAVE = re.compile(r"password|://", re.IGNORECASE)


def without_secrets(text: str) -> tuple[str, int]:
    """SQL that can still be run, with each password replaced in its place, and how many there were."""
    return _without(text, _PLAIN)


def definition_without_secrets(text: str) -> tuple[str, int]:
    """The same for a definition as a catalog prints it: the form in which definitions are kept and compared."""
    text, count = _without(text, _PLAIN)
    more = 0

    def options(found: re.Match[str]) -> str:
        nonlocal more
        line, number = _without(found[0], (_OPTION,))
        more += number
        return line

    return _OPTIONS.sub(options, text), count + more


def _without(text: str, patterns: tuple[re.Pattern[str], ...]) -> tuple[str, int]:
    if not _MAY_HAVE.search(text):
        return text, 0
    count = 0

    def left_out(found: re.Match[str]) -> str:
        nonlocal count
        if found["value"] in ("", LEFT_OUT):
            return found[0]
        count += 1
        return f"{found['before']}{LEFT_OUT}"

    for pattern in patterns:
        text = pattern.sub(left_out, text)
    return text, count
