"""The heads that a run counts on: as it found them, then as it left them; whatever else stands there came from others."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.execution.versions import HeadsChangedError, read_heads

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.execution.project import Project
    from coordinator.postgres.session import Session


@dataclass(slots=True, kw_only=True)
class KnownHeads:
    """Each module's own heads; a module without an entry has not been looked at, and anything may stand there."""

    project: Project
    heads: dict[str, frozenset[str]] = field(default_factory=dict)
    _open: dict[str, frozenset[str]] = field(default_factory=dict)  # as the open transaction leaves them

    def prove(self, session: Session, modules: Iterable[str]) -> None:
        """Raise HeadsChangedError when one of these modules was migrated by somebody else, such as plain Alembic."""
        self._open.clear()
        for name in dict.fromkeys(modules):
            now, before = self._read(session, name), self.heads.get(name)
            if before is not None and now != before:
                table = ".".join(self.project.module(name).qualified_version_table)
                raise HeadsChangedError(
                    f"somebody else has migrated module {name!r} meanwhile: {table} says {_told(now)},"
                    f" and this run left it at {_told(before)}",
                    help="run `migrate status`, then try again",
                )

    def leave(self, session: Session, modules: Iterable[str]) -> None:
        """Note how the open transaction leaves these modules."""
        self._open = {name: self._read(session, name) for name in dict.fromkeys(modules)}

    def committed(self) -> None:
        """The open transaction is in."""
        self.heads.update(self._open)
        self._open.clear()

    def _read(self, session: Session, name: str) -> frozenset[str]:
        found = read_heads(session, self.project.module(name)) or frozenset()
        return found & self.project.tree(name).ids


def _told(heads: frozenset[str]) -> str:
    return ", ".join(sorted(heads)) or "nothing"
