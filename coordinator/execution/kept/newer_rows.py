"""Rows that came after a step destroyed a column, which must have a value in it when it comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.kept import LossKind
from coordinator.postgres.keeping import back as keep_back
from coordinator.postgres.keeping.source import find_source

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.execution.kept.own_values import Function
    from coordinator.model.kept import KeptData
    from coordinator.postgres.keeping.source import Source
    from coordinator.postgres.session import Session

NEWER_HELP = "let the function that brings the column back give it a default, or give those rows away first"


def newer_rows(session: Session, held: Collection[KeptData], function: Function) -> str:
    """Why the function cannot run: it makes a column mandatory, and newer rows have no value for it. Only reads."""
    for kept in held:
        table, names = as_left(session, kept)
        mandatory = [each for each in _mandatory(kept, function) if each not in kept.rest]
        if kept.kind is not LossKind.COLUMNS or table is None or not mandatory or not names:
            continue
        assert kept.copy is not None
        count = keep_back.newer_rows(session, kept.copy, table, keys=names)
        if count:
            rows = "1 row has" if count == 1 else f"{count} rows have"
            return (
                f"{rows} come into {table.schema}.{table.name} since {kept.key} destroyed {kept.loss},"
                f" and would have no value in {', '.join(mandatory)}"
            )
    return ""


def as_left(session: Session, kept: KeptData) -> tuple[Source | None, dict[str, str]]:
    """The table as the step had left it, and what the key's columns are called in it; None: nobody can compare it."""
    table = find_source(session, *(kept.left_as[:2] or kept.relation))
    names = dict(zip(kept.row_key, kept.left_as[2:] or kept.row_key, strict=False))
    if table is not None and not set(names.values()) <= set(table.stored):
        return None, names  # somebody has given the key another name
    return table, names


def _mandatory(kept: KeptData, function: Function) -> tuple[str, ...]:
    """Those of the kept columns that must have a value, and that the function does not fill before that itself."""
    made: dict[str, int] = {}  # at which line each column is added
    filled: set[str] = set()
    found: set[str] = set()
    for each in function.effects.effects if function.effects is not None else ():
        if (each.object.schema, each.object.name) not in kept.relations:
            continue
        if each.verb is Verb.CREATE and each.object.kind is ObjectKind.COLUMN:
            made[each.object.part] = each.line
            filled.discard(each.object.part)
            filled.update({each.object.part} if each.fills else ())
        elif each.verb is Verb.WRITE and each.overwrites:
            filled.update(each.columns or kept.columns)
        elif each.verb is Verb.TIGHTEN and each.type == "not null":
            found.update(
                name
                for name in each.columns or ()
                if name not in filled and (function.known is not None or made.get(name) == each.line)
            )
    return tuple(each for each in kept.columns if each in found)
