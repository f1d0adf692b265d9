"""Columns of a map: `id uuid REFERENCES crm.customers` in a sketch, a row of a Markdown table elsewhere."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.mapfile.drafts import ColumnDraft
from coordinator.mapfile.quoting import read_name, split_top_level, without_emoji
from coordinator.mapfile.references import WANTED, RawReference, is_logical_only, read_raw_references
from coordinator.mapfile.words import HEADS, Head, is_nothing, is_undecided, read_yes_or_no
from coordinator.model.database_map import MappedColumn, folded

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.mapfile.blocks import Cell, Row, Table
    from coordinator.mapfile.drafts import MapDraft
    from coordinator.model.names import Place

_REFERENCE = re.compile(r"\b(?:references|fk\s+para|fk)\b\s*|→|->|=>", re.IGNORECASE)
_DEFINITION = re.compile(r"(?P<name>\"(?:[^\"]|\"\")+\"|[^\s:,()]+)(?:\s*:\s*|\s+|$)(?P<rest>.*)", re.DOTALL)
_NOT_NULL = re.compile(r"\bnot\s+null\b", re.IGNORECASE)
_SEVERAL = re.compile(r"\s*(?:,|\s/\s|;|<br\s*/?>)\s*", re.IGNORECASE)


def read_definition(draft: MapDraft, text: str, place: Place, line: int) -> ColumnDraft | None:
    """A column as a sketch writes it: a name, perhaps a type, perhaps what it references.

    None, and a finding, when the text names no column.
    """
    match = _DEFINITION.fullmatch(without_emoji(text).strip())
    if match is None or is_undecided(text):
        draft.not_understood(
            f"'{text.strip()}' names no column", place, "write 'name type REFERENCES module.table'"
        )
        return None
    name, _ = read_name(match["name"]) if match["name"].startswith('"') else (match["name"].strip("`*"), "")
    type_text = match["rest"].strip()
    raw: tuple[RawReference, ...] = ()
    place = draft.place_of(name, place)
    if arrow := _REFERENCE.search(type_text):
        raw = _references(draft, type_text[arrow.start() :], name, place)
        type_text = type_text[: arrow.start()].strip()
    nullable = False if _NOT_NULL.search(type_text) else None
    type_text = _NOT_NULL.sub("", type_text).strip()
    column = MappedColumn(name=name, type=type_text, nullable=nullable, place=place)
    return ColumnDraft(column=column, raw_references=raw, line=line)


def read_definitions(draft: MapDraft, text: str, place: Place, line: int) -> list[ColumnDraft]:
    """Columns separated by commas; an ellipsis says that there are more."""
    pieces = (each.strip() for each in split_top_level(text, ",;"))
    known = (each for each in pieces if each and each.strip("[]") not in ("...", "…", "etc", "etc."))
    found: list[ColumnDraft] = []
    for each in known:
        column = read_definition(draft, each, place, line)
        if column is not None:
            found.append(column)
            place = column.column.place or place  # the next one stands behind it
    return found


def _references(draft: MapDraft, text: str, name: str, place: Place) -> tuple[RawReference, ...]:
    raw = read_raw_references(text)
    if raw is None:
        draft.report(
            "map-reference-form", f"column '{name}' references '{text}', which names no table", place, WANTED
        )
    return raw or ()


def heads_of(row: Row) -> tuple[Head | None, ...]:
    """What each column of a Markdown table holds; None where the word is not known."""
    return tuple(HEADS.get(folded(without_emoji(cell.inline.text).strip())) for cell in row.cells)


def is_column_table(row: Row) -> bool:
    """Whether the head is one of a table of columns, and not of any table that has names in it."""
    heads = heads_of(row)
    return Head.NAME in heads and any(each not in (None, Head.NAME, Head.NOTES) for each in heads)


@dataclass(slots=True, kw_only=True)
class _Cells:
    """The cells of one row, by what they hold."""

    name: Cell | None = None
    type: str = ""
    references: Cell | None = None
    nullable: bool | None = None
    personal: bool = False
    notes: list[str] | None = None


def read_row(draft: MapDraft, table: Table, heads: Sequence[Head | None], row: Row) -> list[ColumnDraft]:
    """The columns that one row describes: one, several that share it, or none in the title of a group."""
    cells = _sorted_cells(draft, table.head, heads, row)
    if cells.name is None or not cells.name.raw:
        if any(cell.raw for cell in row.cells):
            draft.not_understood(
                "this row names no column", draft.place(row.line), "write its name in the row"
            )
        return []
    place = draft.place(row.line, cells.name.column)
    if cells.name.inline.bold and not any(cell.raw for cell in row.cells if cell is not cells.name):
        return []  # a bold row with nothing else in it is the title of a group
    if is_undecided(cells.name.inline.text) and cells.name.inline.code is None:
        draft.not_understood(f"'{cells.name.inline.text}' is no column yet", place, "write the column's name")
        return []
    names, remark = _names(cells.name)
    raw, rest = _cell_references(draft, cells.references, names[0], row.line)
    notes = "; ".join(each for each in (remark, rest, *(cells.notes or ())) if each)
    return [
        ColumnDraft(
            column=MappedColumn(
                name=name,
                type=cells.type,
                notes=notes,
                nullable=cells.nullable,
                personal=cells.personal,
                place=place,
            ),
            raw_references=raw,
            line=row.line,
        )
        for name in names
    ]


def _sorted_cells(draft: MapDraft, head: Row, heads: Sequence[Head | None], row: Row) -> _Cells:
    cells = _Cells(notes=[])
    for index, (what, cell) in enumerate(zip(heads, row.cells, strict=False)):
        text = "" if cell.raw in ("-", "—", "–") else cell.inline.text
        match what:
            case Head.NAME if cells.name is None:
                cells.name = cell
            case Head.TYPE:
                cells.type = text
            case Head.REFERENCES:
                cells.references = cell
            case Head.NULLABLE | Head.REQUIRED | Head.PERSONAL:
                _set_answer(draft, cells, what, cell, row.line)
            case Head.NOTES:
                _notes(cells, text)
            case _:
                _notes(cells, f"{head.cells[index].inline.text}: {text}" if text else "")
    for cell in row.cells[len(heads) :]:
        draft.not_understood(
            f"'{cell.inline.text}' stands outside the table",
            draft.place(row.line, cell.column),
            r"escape a pipe as \|",
        )
    return cells


def _notes(cells: _Cells, text: str) -> None:
    if text and cells.notes is not None:
        cells.notes.append(text)


def _set_answer(draft: MapDraft, cells: _Cells, what: Head, cell: Cell, line: int) -> None:
    """A cell that should be yes or no; an empty one says nothing."""
    if not cell.raw:
        return
    answer = read_yes_or_no(cell.inline.text)
    if answer is None:
        _notes(cells, cell.inline.text)
        draft.not_understood(
            f"'{cell.inline.text}' is neither yes nor no",
            draft.place(line, cell.column),
            "write 'yes' or 'no'",
        )
    elif what is Head.PERSONAL:
        cells.personal = answer
    else:
        cells.nullable = answer if what is Head.NULLABLE else not answer


def _names(cell: Cell) -> tuple[list[str], str]:
    """The names in a cell and the remark behind them; `created_at, updated_at` are two."""
    if cell.inline.code is not None:
        name, remark = cell.inline.code, cell.inline.after_code
        more = [part.strip() for part in remark.split("`")] if "`" in cell.raw else []
        shared = _SEVERAL.split(remark) if _SEVERAL.match(remark) else []
        names = [name, *(part.strip() for part in shared if part.strip())] if more else [name]
        read = [read_name(each)[0] if each.startswith('"') else each for each in names]
        return read, "" if len(names) > 1 else remark.strip()
    text = cell.inline.text
    if not text.lstrip().startswith('"') and _SEVERAL.search(text):
        return [read_name(each)[0] for each in _SEVERAL.split(text) if each.strip()], ""
    name, remark = read_name(text)
    return [name or text], remark


def _cell_references(
    draft: MapDraft, cell: Cell | None, name: str, line: int
) -> tuple[tuple[RawReference, ...], str]:
    """The references of a cell, and the remarks that stand with them."""
    if cell is None or is_nothing(cell.inline.text) or read_yes_or_no(cell.inline.text) is False:
        return (), ""
    text = cell.inline.text
    if is_logical_only(text):
        return (), text  # its author says that it is no foreign key
    raw = _references(draft, text, name, draft.place(line, cell.column))
    return raw, "; ".join(each.remark for each in raw if each.remark)
