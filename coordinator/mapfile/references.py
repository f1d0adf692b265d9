"""Text of a map to references, and back: `CRM.customers.id`, `users(id)`, `FK → crm.customers`."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from coordinator.mapfile.quoting import quoted, without_emoji, written_name
from coordinator.model.database_map import MapReference, folded

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from coordinator.model.names import Place

WANTED = "write MODULE, MODULE.TABLE or MODULE.TABLE.COLUMN, with a remark after ' — '"

_QUOTED = r"(?P<quoted>\"(?:[^\"]|\"\")+\")"
_WORD = r"(?!-+>?(?:\s|$))[^\s.\"(),;:→—–|`\[\]]+"
_AFTER_FIRST = r"(?= *(?:[.,;:(→—–`]|$)| +-)"
_FIRST = re.compile(rf"{_QUOTED}|(?P<bare>{_WORD}(?: +{_WORD})*?){_AFTER_FIRST}")
_LONE = re.compile(rf"{_QUOTED}|(?P<bare>{_WORD})")
_COLUMN = re.compile(r"(?P<gap>\s*)\(\s*(?P<column>\"(?:[^\"]|\"\")+\"|\w+)\s*\)")
_ARROW = re.compile(
    r"(?:(?:fk|foreign\s+key|chave\s+estrangeira)\s*(?:→|->|=>|:|para|to)?|references|→|->|=>)(?=[\s\"`]|\b)\s*",
    re.IGNORECASE,
)
_DOT = re.compile(r" *\. *")
_COMMA = re.compile(r"\s*[,;]\s*")
_BRACKETED = re.compile(r"\s*\(([^()]*)\)\s*(?=[,;]|$)")
_SEPARATOR = re.compile(r"\s*(?:[—–:]|-+)?\s*")
_LOGICAL = re.compile(r"(?:fk\s+l[óo]gica|logical\s+(?:fk|reference))\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class RawReference:
    """A dotted name before it is known which of its parts is the module. `column` came in brackets."""

    parts: tuple[str, ...]
    column: str | None = None
    remark: str = ""


def _part(match: re.Match[str]) -> str:
    """A part as its name; the bare `*` of "all columns" as an empty one."""
    if match["quoted"]:
        return match["quoted"][1:-1].replace('""', '"')
    return "" if match["bare"] == "*" else match["bare"]


def _scan(text: str, position: int) -> tuple[RawReference, int] | None:
    """One dotted name at `position`, and where it ends."""
    match = _FIRST.match(text, position) or _LONE.match(text, position)
    parts: list[str] = []
    while match:
        parts.append(_part(match))
        position = match.end()
        dot = _DOT.match(text, position)
        match = _LONE.match(text, dot.end()) if dot and len(parts) < 4 else None
    if not parts:
        return None
    bracket = _COLUMN.match(text, position)
    # `CRM (lookup)` is a remark about a module; `users(id)` and `CRM.customers (id)` name a column.
    if bracket and not (bracket["gap"] and len(parts) == 1):
        column = bracket["column"]
        return RawReference(tuple(parts), column.strip('"').replace('""', '"')), bracket.end()
    return RawReference(tuple(parts)), position


def _remark(text: str, position: int) -> tuple[str, int]:
    """What follows a reference up to the next one: ` — why`, `(why)`, `: why`."""
    if text.startswith(" — ", position):
        return text[position + 3 :], len(text)
    if bracket := _BRACKETED.match(text, position):
        return bracket[1].strip(), bracket.end()
    if _COMMA.match(text, position):
        return "", position
    separator = _SEPARATOR.match(text, position)
    return text[separator.end() if separator else position :], len(text)


@functools.lru_cache(maxsize=4096)
def read_raw_references(text: str) -> tuple[RawReference, ...] | None:
    """Every reference of a list item or cell; None when the text holds something else."""
    found: list[RawReference] = []
    position = len(text) - len(without_emoji(text))
    while position < len(text):
        if arrow := _ARROW.match(text, position):
            position = arrow.end()
        scanned = _scan(text, position)
        if scanned is None:
            return None
        raw, position = scanned
        remark, position = _remark(text, position)
        found.append(replace(raw, remark=remark) if remark else raw)
        comma = _COMMA.match(text, position)
        position = comma.end() if comma else position
        if not comma and position < len(text):
            return None
    return tuple(found) or None


def is_logical_only(text: str) -> bool:
    """Whether the author says that this is no foreign key (`FK lógica`)."""
    return _LOGICAL.search(text) is not None


def module_reference(raw: RawReference, place: Place | None = None) -> MapReference:
    """A reference of a *Used by* or *Depends on* list: its first part is a module."""
    parts = raw.parts if raw.column is None else (*raw.parts, raw.column)
    schema = parts[1] if len(parts) > 3 else None
    rest = parts[2:] if len(parts) > 3 else parts[1:]
    table, column = (*rest, None, None)[:2]
    return MapReference(
        module=parts[0],
        schema=schema,
        table=table or None,
        column=column or None,
        notes=raw.remark,
        place=place,
    )


def column_reference(
    raw: RawReference, *, own: str, own_tables: Collection[str], modules: Collection[str], place: Place | None
) -> MapReference:
    """A reference of a column: `users(id)` and `users.id` may mean a table of the module itself.

    `own` is the module that the column belongs to; `own_tables` are its tables, and `modules` the names and
    schemas that the map knows, both folded.
    """
    parts = raw.parts if raw.column is None else (*raw.parts, raw.column)
    table_parts = len(raw.parts) if raw.column is not None else len(parts)
    is_module = folded(parts[0]) in modules
    is_own_table = folded(parts[0]) in own_tables
    if table_parts == 1 or (len(parts) == 2 and raw.column is None and is_own_table and not is_module):
        parts = (own, *parts)
    return module_reference(RawReference(parts), place)


def _dotted(parts: Sequence[str]) -> str:
    # Spaces are understood in a module's name only; everywhere else they need quotes.
    first, *rest = parts
    return ".".join(
        [written_name(first), *(quoted(each) if " " in each else written_name(each) for each in rest)]
    )


def written_reference(reference: MapReference, *, known: bool = True) -> str:
    """The reference as it stands in a map, without its remark.

    `known=False`: the map does not know the module, and only a full name keeps it from being read as a table.
    """
    full = reference.schema is not None or not known
    parts = [reference.module]
    if reference.schema is not None:
        parts.append(reference.schema)
    if reference.table is not None:
        parts.append(reference.table)
    if reference.column is not None:
        parts.append(reference.column)
    text = _dotted(parts)
    return f"{text}.*" if full and reference.table is not None and reference.column is None else text
