"""Leaves passwords out of texts that people will keep in repositories; what is left is still the same SQL or Python.

Only literals that are plainly a password are known as one. A secret that looks like any other text is not found.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

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
# Options of a foreign table as the catalog prints them.
_OPTION = re.compile(
    r"(?P<before>\boptions (?:[^\n]*, )?(?:ssl)?password=)(?P<value>(?:(?!, )[^\n])+)", re.IGNORECASE
)
_PLAIN = (_LITERAL, _ESCAPED, _URL, _PAIRS_BEFORE, _PAIR_AFTER)
# password = "secret", api_key: 'secret', token="secret": only in authors' Python, where it changes no definition.
_ASSIGNED = re.compile(
    r"(?P<before>\b\w*(?:password|passwd|passphrase|secret|token|api_?key|access_?key|private_?key)\w*[\"']?\s*[:=]=?"
    r"\s*[rbuRBU]{0,2})(?P<quote>[\"'])(?P<value>[^\"'\n]+)(?P=quote)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Redactor:
    """Redacts texts and counts what it left out."""

    count: int = 0

    def definition(self, text: str) -> str:
        """SQL that is still to be run: only what can be nothing else than a password, in the same form."""
        for pattern in _PLAIN:
            text = pattern.sub(self._left_out, text)
        return text

    def catalog(self, text: str) -> str:
        """A definition as a catalog prints it."""
        return _OPTION.sub(self._left_out, self.definition(text))

    def source(self, text: str) -> str:
        """An author's Python or SQL that is kept to be read: also what is called a password, a token or a key."""
        return _ASSIGNED.sub(self._assigned, self.definition(text))

    def document(self, text: str) -> str:
        """The same for a JSON text: every text in it, each by itself."""
        return json.dumps(self._within(json.loads(text)), separators=(",", ":"), ensure_ascii=False)

    def _within(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.source(value)
        if isinstance(value, list):
            return [self._within(each) for each in value]
        if isinstance(value, dict):
            return {name: self._within(each) for name, each in value.items()}
        return value

    def _left_out(self, found: re.Match[str]) -> str:
        if found["value"] in ("", LEFT_OUT):
            return found[0]
        self.count += 1
        return f"{found['before']}{LEFT_OUT}"

    def _assigned(self, found: re.Match[str]) -> str:
        if found["value"] == LEFT_OUT:
            return found[0]
        self.count += 1
        return f"{found['before']}{found['quote']}{LEFT_OUT}{found['quote']}"
