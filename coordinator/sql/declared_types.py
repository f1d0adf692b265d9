"""plpgsql whose types have a schema, made readable: libpg_query looks types up and knows none but PostgreSQL's own.

It refuses every function with `DECLARE r crm.customers` or a parameter of type `crm.status`, and every assignment to a
field of `r crm.customers%ROWTYPE`. What such a type is does not matter for the queries of the body, so the text is read
with types in their place that it accepts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from coordinator.sql.tree import Node

#: What libpg_query says of a type in a schema, and of one that is taken from a column.
REFUSAL: Final = "Not implemented"
_SCHEMA: Final = "public"  # one of the two schemas in which it does not look
_SCALAR: Final = "text"

Word = tuple[int, int, str]  # where it begins and ends in the text's UTF-8, and what it says


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A variable of a function, and the name of its type as it was written; `is_row`: that of a relation's rows."""

    variable: str
    type: str
    is_row: bool = False


def needs_help(sql: str) -> bool:
    """Whether fields of the function's variables can only be told with its declarations changed."""
    return "%rowtype" in sql.lower()


def make_acceptable(statement: Node) -> None:
    """Change the types of a function's parameters and of its result; `statement` is CREATE FUNCTION or DO."""
    if statement.DESCRIPTOR.name != "CreateFunctionStmt":
        return
    for item in statement.parameters:
        _accept(item.function_parameter.arg_type)
    if statement.HasField("return_type"):
        _accept(statement.return_type)


def _accept(type_name: Node) -> None:
    if type_name.pct_type or (len(type_name.names) > 1 and type_name.array_bounds):
        del type_name.names[:]
        type_name.names.add().string.sval = _SCALAR
        type_name.pct_type = False
    elif len(type_name.names) > 1 and type_name.names[-2].string.sval != "pg_catalog":
        type_name.names[-2].string.sval = _SCHEMA


def acceptable(body: str, words: tuple[Word, ...]) -> tuple[str, tuple[Declared, ...]]:
    """The body with acceptable types in its declarations, and what these declared; `words` are its tokens."""
    encoded = body.encode()
    changed: list[tuple[int, int, str]] = []
    found: list[Declared] = []
    declaring = fresh = False
    for index, (_, _, word) in enumerate(words):
        if word.lower() in {"declare", "begin"}:
            declaring = fresh = word.lower() == "declare"
        elif declaring and fresh:
            fresh = False
            change = _change(words, index, found)
            if change is not None:
                changed.append(change)
        elif word == ";":
            fresh = declaring
    for start, end, instead in reversed(changed):
        encoded = encoded[:start] + instead.encode() + encoded[end:]
    return encoded.decode(), tuple(found)


def _change(words: tuple[Word, ...], index: int, found: list[Declared]) -> tuple[int, int, str] | None:
    """What to write instead of the type that is declared for the variable at `index`; None: it is accepted."""
    place = index + 1
    if _at(words, place).lower() == "constant":
        place += 1
    last = place + 2 if _at(words, place + 1) == "." else place
    name = "".join(word for _, _, word in words[place : last + 1])
    behind = _at(words, last + 1)
    is_row = behind == "%" and _at(words, last + 2).lower() == "rowtype"
    if not is_row and (last == place or behind in {".", "%"} or _at(words, place).lower() == "pg_catalog"):
        return None
    if last >= len(words):
        return None
    found.append(Declared(variable=words[index][2].lower(), type=name, is_row=is_row))
    end = words[last + 2][1] if is_row else words[last][1]
    instead = _SCALAR if behind == "[" or behind.lower() == "array" else f"{_SCHEMA}.{words[last][2]}"
    return words[place][0], end, instead


def _at(words: tuple[Word, ...], place: int) -> str:
    return words[place][2] if place < len(words) else ""
