"""Definitions of objects as digests that can be compared between servers, and what a step made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.catalog import Address, Catalog

THE_ROLE = "(the role that migrates)"  # stands for its name where two servers' roles are compared


class Definition(NamedTuple):
    """A definition as its digest. `by_any_role` is the same digest after the migrating role's name was taken out.

    What a step makes belongs to whoever runs it, and that may be another role here than in the rehearsal.
    """

    digest: str
    by_any_role: str

    def agrees(self, other: Definition) -> bool:
        """Whether both may be the same definition."""
        return self.digest == other.digest or self.by_any_role == other.by_any_role


def definition_of(text: str, role: str) -> Definition:
    """The digests of a definition that a catalog shows to a session whose steps run as `role`."""
    digest, stripped = _digest(text), _without(text, role)
    return Definition(digest=digest, by_any_role=digest if stripped == text else _digest(stripped))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _without(text: str, role: str) -> str:
    """The text with the role's name taken out of the lines that say whose an object is and who may do what."""
    if not role or role not in text:
        return text
    return "\n".join(_line_without(line, role) for line in text.split("\n"))


def _line_without(line: str, role: str) -> str:
    if line == f"owner {role}":
        return f"owner {THE_ROLE}"
    whose = f"{role}: "  # the beginning of what one role was granted
    return f"{THE_ROLE}: {line[len(whose) :]}" if line.startswith(whose) else line


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a step did to the catalog: each object that it made, changed or dropped, with what it is then (None: gone)."""

    objects: Mapping[Address, Definition | None] = field(default_factory=dict)


def made_by(before: Catalog, after: Catalog, role: str) -> Made:
    """What a step that ran as `role` made of the first catalog; not what only mentions a name that it changed."""
    return Made(
        objects={
            each: definition_of(after.definitions[each], role) if each in after.definitions else None
            for each in after.difference(before).addresses
        }
    )
