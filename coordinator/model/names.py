"""Identity: what modules, revisions and places in files are called."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class RevisionKey:
    """One revision of one module. Revision ids repeat between modules, so neither half is enough alone."""

    module: str
    revision: str

    def __str__(self) -> str:
        return f"{self.module}:{self.revision}"

    @classmethod
    def parse(cls, text: str) -> RevisionKey:
        """Read `module:revision`. Raises ValueError when either half is missing."""
        module, colon, revision = text.partition(":")
        if not (module and colon and revision):
            raise ValueError(f"{text!r} is not of the form module:revision")
        return cls(module, revision)


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a file; lines and columns count from 1, and 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        return ":".join([self.file, *(str(number) for number in (self.line, self.column) if number)])
