"""What a step changed in the catalog, as short as it can be remembered: for each object a digest before and after."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.catalog import Address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.catalog import Catalog

_LENGTH = 16  # hex digits: enough to tell one definition of an object from another one of the same object


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """Address → digest of its definition before the step and after it; None where it was not there."""

    objects: Mapping[Address, tuple[str | None, str | None]] = field(default_factory=dict)

    def as_json(self) -> str:
        """The value as the ledger keeps it."""
        return json.dumps([[list(address), *digests] for address, digests in self.objects.items()])

    @classmethod
    def from_json(cls, rows: list[tuple[list[str], str | None, str | None]]) -> Touched:
        """The value from what the ledger keeps."""
        return cls(objects={Address(*address): (before, after) for address, before, after in rows})


def touched_by(before: Catalog, after: Catalog) -> Touched:
    """What differs between the catalogs before and after a step."""
    difference = after.difference(before)
    addresses = (*difference.created, *difference.dropped, *(each.address for each in difference.changed))
    return Touched(
        objects={each: (digest_in(before, each), digest_in(after, each)) for each in sorted(addresses)}
    )


def digest_in(catalog: Catalog, address: Address) -> str | None:
    """A digest of the object's definition, or None where the catalog has no such object."""
    text = catalog.definitions.get(address)
    return None if text is None else hashlib.sha256(text.encode()).hexdigest()[:_LENGTH]
