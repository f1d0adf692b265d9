"""How PostgreSQL's types stand to each other: written in one way, in families that compare, wider or narrower. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

_SPELLINGS = {
    "smallint": "int2",
    "integer": "int4",
    "int": "int4",
    "bigint": "int8",
    "smallserial": "int2",
    "serial": "int4",
    "bigserial": "int8",
    "real": "float4",
    "double precision": "float8",
    "decimal": "numeric",
    "boolean": "bool",
    "character varying": "varchar",
    "character": "bpchar",
    "char": "bpchar",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
    "time without time zone": "time",
    "time with time zone": "timetz",
    "bit varying": "varbit",
}
_FAMILIES = {
    **dict.fromkeys(("int2", "int4", "int8", "numeric", "float4", "float8"), "number"),
    **dict.fromkeys(("text", "varchar", "bpchar", "citext", "name"), "text"),
    **dict.fromkeys(("date", "timestamp", "timestamptz"), "moment"),
    **dict.fromkeys(("time", "timetz", "interval"), "time of day"),
    **dict.fromkeys(("inet", "cidr"), "address"),
    **dict.fromkeys(("bit", "varbit"), "bits"),
    **{each: each for each in ("bool", "uuid", "money", "bytea", "json", "jsonb")},
}
# Types that are no text, so that LIKE, a regular expression or lower() over them is refused; bytea has a LIKE.
_NO_TEXTS = frozenset(_FAMILIES) - {name for name, of in _FAMILIES.items() if of in {"text", "bytea"}}
_TRUTHS = ("true", "false", "yes", "no", "on", "off", "1", "0")
_NUMBERS_IN_WORDS = re.compile(r"[+-]?(?:nan|inf|infinity)", re.IGNORECASE)
_WIDTHS = {"int2": 1, "int4": 2, "int8": 3, "numeric": 4}
_TEXTS = frozenset({"text", "varchar"})
_TYPE = re.compile(
    r"(?P<name>[^\[(]+?)\s*(?:\((?P<mods>[^)]*)\)\s*(?P<rest>[^\[]*))?(?P<arrays>(?:\[\d*\])*)"
)


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type: its name without a schema of PostgreSQL's own, its modifiers, and whether it is an array."""

    name: str
    mods: tuple[str, ...] = ()
    array: bool = False

    @property
    def family(self) -> str | None:
        """Types of one family can be compared with each other; None where it is not known, as of a domain."""
        return _FAMILIES.get(self.name)


def sql_type(text: str) -> SqlType | None:
    """A type as `format_type` or the grammar writes it; None for an empty text."""
    first = text.split("\n", 1)[0].strip()
    match = _TYPE.fullmatch(first)
    if match is None or not first:
        return None
    name = " ".join(filter(None, (match["name"].strip(), (match["rest"] or "").strip())))
    name = name.removeprefix("pg_catalog.").strip('"')
    mods = tuple(each.strip() for each in (match["mods"] or "").split(",") if each.strip())
    return SqlType(_SPELLINGS.get(name, name), mods, bool(match["arrays"]))


def same_type(one: str, other: str) -> bool:
    """Whether both texts mean one type. A name with a schema equals the same name without one."""
    left, right = sql_type(one), sql_type(other)
    if left is None or right is None:
        return False
    names = left.name.rpartition(".")[2] == right.name.rpartition(".")[2]
    return names and (left.mods, left.array) == (right.mods, right.array)


def same_name(one: str, other: str) -> bool:
    """Whether both texts mean one type, perhaps of another length."""
    left, right = sql_type(one), sql_type(other)
    return left is not None and right is not None and (left.name, left.array) == (right.name, right.array)


def comparable(one: str, other: str, enums: Collection[str] = ()) -> bool | None:
    """Whether PostgreSQL has an operator that compares the two; None when that is not known, as of a domain.

    `enums` are the names of enum types: each compares with itself alone.
    """
    left, right = sql_type(one), sql_type(other)
    if left is None or right is None:
        return None
    names = left.name.rpartition(".")[2], right.name.rpartition(".")[2]
    if names[0] == names[1] and left.array == right.array:
        return True
    families = (left.family or _enum(names[0], enums), right.family or _enum(names[1], enums))
    if None in families:
        return None
    return families[0] == families[1] and left.array == right.array


def _enum(name: str, enums: Collection[str]) -> str | None:
    return name if name in enums else None


def takes_text_operators(name: str) -> bool | None:
    """Whether LIKE, regular expressions and lower() go over the type; None when that is not known, as of a domain."""
    found = sql_type(name)
    if found is None:
        return None
    if found.name in _NO_TEXTS or found.array:
        return False
    return True if found.family == "text" else None


def reads(name: str, literal: str) -> bool | None:
    """Whether PostgreSQL can read a quoted text as a value of the type; None when that is not known.

    False only for what no part of the text that is put in later could mend: letters where a number is wanted.
    """
    found, words = sql_type(name), literal.strip().lower()
    if found is None or not words or found.array:
        return None
    if found.family == "text":
        return True
    if found.family == "number":
        is_word = any(map(str.isalpha, words)) and not any(map(str.isdigit, words))
        return False if is_word and not _NUMBERS_IN_WORDS.fullmatch(words) else None
    if found.name == "bool":
        return any(each.startswith(words) for each in _TRUTHS)
    return None


def widens(one: str, other: str) -> bool:
    """Whether every value of the first type is a value of the second that reads the same."""
    left, right = sql_type(one), sql_type(other)
    if left is None or right is None or left.array or right.array:
        return False
    if left.name in _WIDTHS and right.name in _WIDTHS:
        if right.name == "numeric":
            return not right.mods
        return left.name != "numeric" and _WIDTHS[left.name] <= _WIDTHS[right.name]
    if left.name in _TEXTS and right.name in _TEXTS:
        return not right.mods or (bool(left.mods) and int(left.mods[0]) <= int(right.mods[0]))
    return False
