"""Leaves passwords out of texts that people will keep in repositories; what is left is still the same SQL or Python."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from coordinator.model.plain_secrets import LEFT_OUT, definition_without_secrets, without_secrets
from coordinator.snapshots.named_secrets import NAMES, without_named_secrets

# password = "secret", api_key: 'secret', token="secret": in what is no Python, and inside of texts that Python holds.
_ASSIGNED = re.compile(
    rf"(?P<before>\b{NAMES}[\"']?\s*(?::\s*[\w.]+\s*)?[:=]=?\s*[rbuRBU]{{0,2}})"
    r"(?P<quote>[\"'])(?P<value>(?:\\.|(?!(?P=quote))[^\\\n])+)(?P=quote)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class Redactor:
    """Redacts texts and counts what it left out."""

    count: int = 0

    def definition(self, text: str) -> str:
        """SQL that is still to be run: only what can be nothing else than a password, in the same form."""
        return self._counted(without_secrets(text))

    def catalog(self, text: str) -> str:
        """A definition as a catalog prints it."""
        return self._counted(definition_without_secrets(text))

    def source(self, text: str) -> str:
        """An author's Python or SQL that is kept to be read: also what is called a password, a token or a key."""
        text = self.definition(text)
        with suppress(SyntaxError, ValueError, RecursionError, MemoryError):  # it is no Python
            text = self._counted(without_named_secrets(text))
        return _ASSIGNED.sub(self._assigned, text)

    def message(self, text: str) -> str:
        """What is said of a database to people: it may quote definitions and sources."""
        return self.source(self.catalog(text))

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

    def _counted(self, told: tuple[str, int]) -> str:
        text, number = told
        self.count += number
        return text

    def _assigned(self, found: re.Match[str]) -> str:
        if found["value"] == LEFT_OUT:
            return found[0]
        self.count += 1
        return f"{found['before']}{found['quote']}{LEFT_OUT}{found['quote']}"
