"""A map while it is being read: the same facts as the values, with the lines they came from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.mapfile.words import is_portuguese
from coordinator.model.database_map import folded
from coordinator.model.finding import Finding, Severity
from coordinator.model.names import Place

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coordinator.mapfile.references import RawReference
    from coordinator.mapfile.words import Head
    from coordinator.model.database_map import MappedColumn, MapReference

_SEARCHED = 2000  # characters
Span = tuple[int, int]  # first line and the line after the last, from 0


@dataclass(slots=True, kw_only=True)
class ColumnDraft:
    """A column whose references wait until every module of the map is known."""

    column: MappedColumn
    raw_references: tuple[RawReference, ...] = ()
    line: int


@dataclass(slots=True, kw_only=True)
class ColumnsBlock:
    """One Markdown table of columns."""

    span: Span
    heads: tuple[Head, ...]
    rows: list[ColumnDraft] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class TableDraft:
    """One table; `lines` are those of a sketch, `heading`, its `level` and `blocks` those of the canonical form."""

    name: str
    schema: str | None
    place: Place
    columns: list[ColumnDraft] = field(default_factory=list)
    seen: dict[str, Place] = field(default_factory=dict)
    heading: Span | None = None
    level: int = 3
    blocks: list[ColumnsBlock] = field(default_factory=list)
    lines: list[Span] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class ReferenceItem:
    """The references of one list item or line."""

    references: tuple[MapReference, ...]
    span: Span


@dataclass(slots=True, kw_only=True)
class ReferenceList:
    """*Used by* or *Depends on*, from its label to its last item. `inline` when the label shares the items' line."""

    label: Span
    items: list[ReferenceItem] = field(default_factory=list)
    inline: bool = False


@dataclass(slots=True, kw_only=True)
class ModuleDraft:
    """One module. `end` is the line after its section; `explicit` says that its heading has the word `Module`."""

    name: str
    place: Place
    heading: Span | None = None
    level: int = 2
    explicit: bool = True
    end: int = 0
    schemas: list[str] = field(default_factory=list)
    owner: str | None = None
    schema_lines: list[Span] = field(default_factory=list)
    owner_lines: list[Span] = field(default_factory=list)
    tables: list[TableDraft] = field(default_factory=list)
    seen: dict[tuple[str | None, str], Place] = field(default_factory=dict)
    used_by: list[ReferenceList] = field(default_factory=list)
    depends_on: list[ReferenceList] = field(default_factory=list)
    lines: list[Span] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class MapDraft:
    """The whole document while it is being read."""

    file: str
    lines: list[str] = field(default_factory=list)
    modules: list[ModuleDraft] = field(default_factory=list)
    seen: dict[str, Place] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    sketched: bool = False  # a module or a table came from bullets or tree art
    open_lines: list[Span] = field(default_factory=list)
    outline_lines: list[Span] = field(default_factory=list)  # titles of tree art: no prose, no fact
    fences: list[Span] = field(default_factory=list)  # that hold tree art
    portuguese: bool = False

    def place(self, line: int, column: int = 1) -> Place:
        """A place in this file; `line` counts from 0."""
        return Place(self.file, line + 1, column)

    def place_of(self, text: str, near: Place) -> Place:
        """The place of a text in the line of `near`, not before it; `near` itself when the line spells it otherwise."""
        source = self.lines[near.line - 1] if 0 < near.line <= len(self.lines) else ""
        begin = max(near.column - 1, 0)
        # Looking no further than this keeps a line of a million columns from being searched a million times.
        end = begin + len(text) + _SEARCHED
        start = source.find(text, begin, end)
        while start >= 0:
            around = source[max(start - 1, 0) : start] + source[start + len(text) : start + len(text) + 1]
            if not any(each.isalnum() or each == "_" for each in around):
                return Place(self.file, near.line, start + 1)
            start = source.find(text, start + 1, end)
        return near

    def heard(self, words: Iterable[str]) -> None:
        """Learn the document's language from words of a map."""
        self.portuguese = self.portuguese or any(is_portuguese(each) for each in words)

    def not_understood(self, what: str, place: Place, wanted: str) -> None:
        """Report text that stands where facts are expected."""
        self.report("map-not-understood", what, place, wanted, severity=Severity.WARNING)

    def report(
        self,
        rule: str,
        message: str,
        place: Place,
        help: str | None,  # noqa: A002 - the finding's own word
        *,
        severity: Severity = Severity.ERROR,
        module: str | None = None,
    ) -> None:
        """Add a finding; reading goes on, so that all of them are told at once."""
        self.findings.append(
            Finding(rule=rule, message=message, severity=severity, module=module, place=place, help=help)
        )

    def add_module(self, module: ModuleDraft) -> ModuleDraft:
        """Begin a module, and report it when the map has it already."""
        first = self.seen.setdefault(folded(module.name), module.place)
        if first is not module.place:
            self.report(
                "map-duplicate-module",
                f"module '{module.name}' is described twice, first at {first}",
                module.place,
                "join the two parts into one",
                module=module.name,
            )
        self.modules.append(module)
        return module


def add_column(draft: MapDraft, table: TableDraft, column: ColumnDraft) -> None:
    """Add a column, and report it when the table has it already."""
    name = column.column.name
    place = column.column.place or table.place
    first = table.seen.setdefault(name, place)
    if first is not place:
        draft.report(
            "map-duplicate-column",
            f"column '{name}' of table '{table.name}' is described twice, first at {first}",
            place,
            "keep one of them",
        )
    table.columns.append(column)


def add_table(draft: MapDraft, module: ModuleDraft, table: TableDraft) -> TableDraft:
    """Begin a table of a module, and report it when the module has it already."""
    first = module.seen.setdefault((table.schema, table.name), table.place)
    if first is not table.place:
        draft.report(
            "map-duplicate-table",
            f"table '{table.name}' of module '{module.name}' is described twice, first at {first}",
            table.place,
            "join the two parts into one",
            module=module.name,
        )
    module.tables.append(table)
    return table
