"""Which rows change besides when rows are changed or deleted: those that foreign keys with an action follow. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.model.kept import Loss, LossKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from coordinator.model.catalog import Catalog

_KEY = re.compile(
    r"FOREIGN KEY \((?P<own>.*?)\) REFERENCES (?P<table>.+?)\((?P<referred>.*?)\)(?P<actions>.*)"
)


def with_followers(catalog: Catalog, losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """These losses, and what keys may do to rows that refer to such rows; whole rows are taken for deleted."""
    found = list(losses)
    for loss in found:  # grows meanwhile: keys follow keys
        if loss.kind is LossKind.ROWS:
            found.extend(each for each in _followers(catalog, loss) if each not in found)
    return tuple(found)


def _followers(catalog: Catalog, loss: Loss) -> Iterator[Loss]:
    for address, text in catalog.definitions.items():
        key = _KEY.match(text.replace('"', "")) if address.kind == "constraint" else None
        if key is None or key["table"] != f"{loss.schema}.{loss.table}":
            continue
        columns = tuple(sorted(key["own"].split(", ")))
        if not loss.columns and " ON DELETE CASCADE" in key["actions"]:
            yield Loss(kind=LossKind.ROWS, schema=address.schema, table=address.name)
        elif (not loss.columns and " ON DELETE SET" in key["actions"]) or (
            set(loss.columns) & set(key["referred"].split(", "))
            and re.search(" ON UPDATE (CASCADE|SET)", key["actions"])
        ):
            yield Loss(kind=LossKind.ROWS, schema=address.schema, table=address.name, columns=columns)
