"""What of the destroyed data is held, as people read it and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.kept import Ending, KeptData, LossKind
from coordinator.model.sizes import format_size
from coordinator.reports.wording import counted, moment, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from coordinator.reports.page import Page


def kept_lines(kept: Sequence[KeptData]) -> Iterator[str]:
    """After a run: one sentence for each thing that it destroyed."""
    for each in kept:
        what = one_line(str(each.loss))
        if each.copy is not None and each.ending is None:
            until = "" if each.expires is None else f" until {each.expires:%Y-%m-%d}"
            yield f"kept{until}: {what} ({counted(each.rows, 'row')}, {format_size(each.bytes)}), for {each.key}"
        elif each.ending is Ending.DISCARDED:
            yield f"destroyed without a copy, as you said: {what}, by {each.key}"
        elif each.ending is Ending.COMMITTED:
            yield f"changed without a copy: {what}, by {each.key}, which commits statement by statement"
        if each.left_out:
            yield f"not kept, as the map calls it personal: {_named(each, each.left_out)}"
        if _held(each):
            yield f"personal, and kept all the same: {_named(each, each.personal)}"


def kept_section(kept: Sequence[KeptData], run: int, page: Page) -> Iterator[str]:
    """The part of a run's history: what it kept and what it put back."""
    if not kept:
        return
    yield ""
    yield "kept data"
    for each in kept:
        yield from page.wrapped(one_line(f"{each.key}: {each.loss}"), first="  ", then="    ")
        for line in _facts(each, run):
            yield from page.wrapped(one_line(line), first="    ", then="      ")


def _facts(each: KeptData, run: int) -> Iterator[str]:
    if each.rows:
        by = "" if each.run == run else f" by run {each.run}"
        yield f"{counted(each.rows, 'row')}, {format_size(each.bytes)}, copied{by} on {moment(each.kept)}"
    yield _state(each)
    if each.put_back is not None:
        yield from _put_back(each)
    if each.copy is not None:
        yield f"the rows are in migrate.{each.copy}, which only the role that deploys may read"
    if each.left_out:
        yield f"personal, and so not kept: {_named(each, each.left_out)}"
    if _held(each):
        yield f"personal, and kept all the same: {_named(each, each.personal)}"


def _state(each: KeptData) -> str:
    if each.ending is None:
        way = (
            "" if each.row_key or each.kind is LossKind.TABLE else "; not by itself, for the rows have no key"
        )
        return f"held until {moment(each.expires)}; the step's opposite puts it back{way}"
    if each.ending is Ending.PUT_BACK:
        return f"put back by run {each.ended_by} on {moment(each.ended)}"
    if each.ending is Ending.DISCARDED:
        return "not kept: given up with --discard"
    if each.ending is Ending.OFF:
        return "not kept: keeping is off in the settings"
    if each.ending is Ending.COMMITTED:
        return "not kept: the step commits statement by statement, and others write meanwhile"
    if each.ending is Ending.LEFT_OUT:
        return "not kept: all of it is personal, and --keep-personal was not given"
    return f"{each.ending.value} on {moment(each.ended)}"


def _put_back(each: KeptData) -> Iterator[str]:
    conflicts = each.conflicts or 0
    yield f"{counted(each.put_back or 0, 'row')} as before"
    if conflicts:
        held = (
            f"; their kept values are in migrate.{each.copy} until {moment(each.expires)}"
            if each.copy
            else ""
        )
        yield f"{counted(conflicts, 'conflict')}: changed since, brought back otherwise, or refused by a constraint{held}"
    gone = each.rows - (each.put_back or 0) - conflicts
    if gone > 0:
        yield f"{counted(gone, 'row')} deleted since: nothing to put the values into"


def _held(each: KeptData) -> bool:
    """Whether personal data is in a copy now."""
    return bool(each.personal) and each.copy is not None


def _named(each: KeptData, columns: Sequence[str]) -> str:
    return ", ".join(f"{each.schema}.{each.table}.{name}" for name in columns)


def kept_as_json(kept: Sequence[KeptData]) -> list[dict[str, object]]:
    """The same for machines; sizes in bytes."""
    return [_as_json(each) for each in kept]


def _as_json(each: KeptData) -> dict[str, object]:
    return {
        "number": each.number,
        "run": each.run,
        "module": each.key.module,
        "revision": each.key.revision,
        "direction": each.direction.value,
        "kind": each.kind.value,
        "table": f"{each.schema}.{each.table}",
        "columns": list(each.columns),
        "key": list(each.row_key),
        "rows": each.rows,
        "bytes": each.bytes,
        "leftOut": list(each.left_out),
        "personal": list(each.personal),
        "copy": None if each.copy is None else f"migrate.{each.copy}",
        "kept": _moment(each.kept),
        "expires": _moment(each.expires),
        "ended": _moment(each.ended),
        "ending": None if each.ending is None else each.ending.value,
        "endedBy": each.ended_by,
        "putBack": each.put_back,
        "conflicts": each.conflicts,
    }


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
