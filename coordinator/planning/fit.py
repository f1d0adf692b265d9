"""Whether a foreign key's column can refer to a column of another type."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coordinator.planning.versions import Use, Version

_FAMILIES = {
    **dict.fromkeys(("int2", "int4", "int8", "numeric", "float4", "float8"), "number"),
    **dict.fromkeys(("text", "varchar", "bpchar", "char", "name"), "text"),
    **dict.fromkeys(("timestamp", "timestamptz", "date"), "time"),
    "uuid": "uuid",
    "bool": "bool",
    "bytea": "bytea",
}


def types_fit(use: Use, version: Version) -> bool:
    """False only when both types are known to PostgreSQL's own families and these differ.

    Only a foreign key says its type (`use.effect.type`); types of the user's own are left to the rehearsal.
    """
    mine, theirs = _FAMILIES.get(use.effect.type or ""), _FAMILIES.get(version.type or "")
    return mine is None or theirs is None or mine == theirs
