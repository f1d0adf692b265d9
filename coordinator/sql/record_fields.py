"""Fields of plpgsql's record variables, as the columns that they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from coordinator.sql.declared_types import Declared


def field_queries(
    functions: Any, declared: Iterable[Declared], whole: Callable[[str], str | None]
) -> Iterator[str]:
    """A query for each field that a function asks of a record: `SELECT r.phone FROM crm.customers AS r`.

    Of a record whose type is a relation's, and of one that only takes whole rows of one relation. `functions` is what
    libpg_query prints of the body; `whole` gives the relation of which a query takes all columns and nothing else.
    """
    for each in functions:
        function = each.get("PLpgSQL_function", {})
        records, fields = _datums(function.get("datums", ()))
        if not fields:
            continue
        typed = {variable.variable: variable.type for variable in declared}
        filled: dict[str, set[str | None]] = {}
        _sources(function.get("action"), filled, whole)
        for number, field in fields:
            name = records.get(number, "")
            source = typed.get(name) or _only(filled.get(name, set()))
            if source is not None:
                yield f'SELECT "{name}"."{field}" FROM {source} AS "{name}"'  # noqa: S608 - parsed, never sent


def _only(sources: set[str | None]) -> str | None:
    return next(iter(sources)) if len(sources) == 1 else None


def _datums(datums: Iterable[Any]) -> tuple[dict[int, str], list[tuple[int, str]]]:
    """The records by number, and the fields that are asked of each."""
    records: dict[int, str] = {}
    fields: list[tuple[int, str]] = []
    for each in datums:
        if "PLpgSQL_rec" in each:
            records[each["PLpgSQL_rec"].get("dno", 0)] = each["PLpgSQL_rec"]["refname"]
        elif "PLpgSQL_recfield" in each:
            field = each["PLpgSQL_recfield"]
            fields.append((field.get("recparentno", 0), field["fieldname"].replace('"', '""')))
    return records, fields


def _sources(value: Any, filled: dict[str, set[str | None]], whole: Callable[[str], str | None]) -> None:
    """What each record is filled from; None stands for anything that is no whole row of one relation."""
    if isinstance(value, list):
        for item in value:
            _sources(item, filled, whole)
    elif isinstance(value, dict):
        target = value.get("target") or value.get("var")
        if isinstance(target, dict) and "PLpgSQL_rec" in target:
            expression = value.get("sqlstmt") or value.get("query")
            text = expression["PLpgSQL_expr"]["query"] if expression and "PLpgSQL_expr" in expression else ""
            filled.setdefault(target["PLpgSQL_rec"]["refname"], set()).add(whole(text))
        for item in value.values():
            _sources(item, filled, whole)
