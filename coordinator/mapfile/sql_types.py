"""Names of types as people write them, made comparable with what the catalog says."""

from __future__ import annotations

import re

_ALIASES = {
    "int": "integer",
    "int4": "integer",
    "serial": "integer",
    "serial4": "integer",
    "int8": "bigint",
    "bigserial": "bigint",
    "serial8": "bigint",
    "int2": "smallint",
    "smallserial": "smallint",
    "serial2": "smallint",
    "bool": "boolean",
    "decimal": "numeric",
    "float4": "real",
    "float": "double precision",
    "float8": "double precision",
    "varchar": "character varying",
    "char": "character",
    "bpchar": "character",
    "varbit": "bit varying",
    "timestamptz": "timestamp with time zone",
    "timestamp": "timestamp without time zone",
    "timetz": "time with time zone",
    "time": "time without time zone",
    "string": "text",
}
_SHAPE = re.compile(
    r"(?P<name>[^()\[\]]+?)\s*(?:\((?P<size>[^()]*)\))?\s*(?P<zone>with(?:out)?\s+time\s+zone)?\s*(?P<arrays>(?:\[\d*\])*)"
)


def comparable_type(written: str) -> str:
    """One spelling for every way to write a type: `varchar(40)` is `character varying(40)`, `timestamptz` the long name."""
    text = " ".join(written.replace('"', "").casefold().split())
    match = _SHAPE.fullmatch(text)
    if match is None:
        return text
    zone = " ".join((match["zone"] or "").split())
    name = match["name"].removeprefix("pg_catalog.")
    full = f"{name} {zone}" if zone else _ALIASES.get(name, name)
    size = ",".join(part.strip() for part in (match["size"] or "").split(","))
    arrays = "[]" * (match["arrays"] or "").count("[")
    # `character` alone is character(1), as the catalog says.
    size = "1" if full == "character" and not size and name != "bpchar" else size
    return f"{full}({size}){arrays}" if size else f"{full}{arrays}"


def same_type(written: str, built: str) -> bool:
    """Whether both name one type. A schema before the name counts only when both have one."""
    one, other = comparable_type(written), comparable_type(built)
    if one == other:
        return True
    if ("." in one) == ("." in other):
        return False
    return one.rpartition(".")[2] == other.rpartition(".")[2]
