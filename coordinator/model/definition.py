"""Definitions of objects as digests that can be compared between servers, and what a step made of them."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from coordinator.model.plain_secrets import definition_without_secrets

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.catalog import Address, Catalog

THE_ROLE = "(the role that migrates)"  # stands for its name where two servers' roles are compared
_DEFAULTS = "default privileges"  # the one kind whose address names a role
_WHO_MAY = (
    "grants on ",
    _DEFAULTS,
)  # the beginnings of kinds of which each line is what one role was granted


class Definition(NamedTuple):
    """A definition as its digest. `by_any_role` is the same digest after the migrating role's name was taken out.

    What a step makes belongs to whoever runs it, and that may be another role here than in the rehearsal.
    """

    digest: str
    by_any_role: str

    def agrees(self, other: Definition) -> bool:
        """Whether both may be the same definition."""
        return self.digest == other.digest or self.by_any_role == other.by_any_role


def definition_of(address: Address, text: str, role: str) -> Definition:
    """The digests of a definition that a catalog shows to a session whose steps run as `role`.

    Without passwords: a database that was built from a snapshot has none.
    """
    text, _ = definition_without_secrets(text)
    digest, by_any_role = _digest(text), _by_any_role(address, text, role)
    return Definition(digest=digest, by_any_role=digest if by_any_role == text else _digest(by_any_role))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _by_any_role(address: Address, text: str, role: str) -> str:
    """The text with the role's name taken out of the lines that say whose an object is and who may do what."""
    if not role:
        return text
    lines = text.split("\n")
    if address.kind.startswith(_WHO_MAY):
        # The catalog sorts them by name, so the name that is taken out has decided their order.
        return "\n".join(sorted(_granted_to_any(line, role) for line in lines))
    return "\n".join(f"owner {THE_ROLE}" if line == f"owner {role}" else line for line in lines)


def _granted_to_any(line: str, role: str) -> str:
    whose = f"{role}: "
    return f"{THE_ROLE}: {line[len(whose) :]}" if line.startswith(whose) else line


def of_any_role(address: Address, role: str) -> Address:
    """The address with the name of the role that migrates taken out."""
    is_its = address.kind == _DEFAULTS and address.name == role
    return address._replace(name=THE_ROLE) if is_its else address


def of_role(address: Address, role: str) -> Address:
    """The address that `of_any_role` made, where this role migrates."""
    return address._replace(name=role) if address.name == THE_ROLE else address


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a step did to the catalog: each object that it made, changed or dropped, with what it is then (None: gone).

    Addresses are `of_any_role`.
    """

    objects: Mapping[Address, Definition | None] = field(default_factory=dict)

    def where(self, role: str) -> Mapping[Address, Definition | None]:
        """The same objects by the addresses that they have where this role migrates."""
        return {of_role(address, role): definition for address, definition in self.objects.items()}


def made_by(before: Catalog, after: Catalog, role: str) -> Made:
    """What a step that ran as `role` made of the first catalog; not what only mentions a name that it changed."""
    return Made(
        objects={
            of_any_role(each, role): definition_of(each, after.definitions[each], role)
            if each in after.definitions
            else None
            for each in after.difference(before).addresses
        }
    )
