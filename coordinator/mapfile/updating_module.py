"""One module's part of a document brought up to date: its facts, its lists of needs, its tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.mapfile.document import bind_column
from coordinator.mapfile.rendering import (
    column_row,
    column_table,
    heads_for,
    module_heading,
    owner_line,
    reference_blocks,
    reference_line,
    schema_line,
    table_blocks,
)
from coordinator.mapfile.words import Head, Label, Vocabulary
from coordinator.model.database_map import folded, same_name

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from coordinator.mapfile.drafts import (
        ColumnDraft,
        ColumnsBlock,
        MapDraft,
        ModuleDraft,
        ReferenceList,
        Span,
        TableDraft,
    )
    from coordinator.mapfile.edits import Edits
    from coordinator.model.database_map import MappedColumn, MappedModule, MappedTable, MapReference


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """What every part of an update needs."""

    edits: Edits
    draft: MapDraft
    words: Vocabulary
    known_before: Collection[str]  # folded names of modules, as the document knows them
    known: Collection[str]  # and as the map does


def end_of_module(update: Update, module: ModuleDraft) -> int:
    """The line after a module's section, before empty lines and `[other modules...]`."""
    marks = [start for start, _ in update.draft.open_lines if module.place.line <= start < module.end]
    line = min((module.end, *marks))
    while line > 0 and not update.draft.lines[line - 1].strip():
        line -= 1
    return line


def drop_module(update: Update, module: ModuleDraft) -> None:
    """Take out every fact of a module; its prose stays where it stands."""
    spans: list[Span] = [*module.lines, *module.schema_lines, *module.owner_lines]
    spans.extend([module.heading] if module.heading else [])
    for listed in (*module.used_by, *module.depends_on):
        spans.extend((listed.label, *(item.span for item in listed.items)))
    for span in spans:
        update.edits.drop(span)
    for table in module.tables:
        _drop_table(update, table)


def _drop_table(update: Update, table: TableDraft) -> None:
    spans = [*table.lines, *(block.span for block in table.blocks)]
    for span in (*spans, table.heading) if table.heading else spans:
        update.edits.drop(span)


def update_module(update: Update, module: ModuleDraft, new: MappedModule) -> None:
    """Let a module's section, which has a heading, say what `new` says."""
    assert module.heading is not None
    if not module.explicit and not (new.tables or new.schemas or new.owner or new.used_by or new.depends_on):
        # Without the word, only what stands below a heading tells that it is a module's.
        update.edits.replace(module.heading, module_heading(new, update.words, level=module.level))
    for span in module.lines:
        update.edits.drop(span)
    _facts(update, module, new)
    for label, lists, references in (
        (Label.USED_BY, module.used_by, new.used_by),
        (Label.DEPENDS_ON, module.depends_on, new.depends_on),
    ):
        _references(update, module, label, lists, references)
    remaining = list(new.tables)
    for table in module.tables:
        match = _take(remaining, table) if table.heading is not None and table.blocks else None
        if match is None:
            _drop_table(update, table)
        else:
            _table(update, module, table, match)
    level = next((each.level for each in module.tables if each.heading), module.level + 1)
    blocks = [
        block for each in remaining for block in table_blocks(each, update.known, update.words, level=level)
    ]
    if blocks:
        update.edits.insert(end_of_module(update, module), blocks)


def _take(remaining: list[MappedTable], table: TableDraft) -> MappedTable | None:
    """The table of that name, taken out of those that are still to be written; the same spelling wins."""
    alike = [each for each in remaining if same_name(each.name, table.name) and each.schema == table.schema]
    exact = [each for each in alike if each.name == table.name]
    found = next(iter(exact or alike), None)
    if found is not None:
        remaining.remove(found)
    return found


def _facts(update: Update, module: ModuleDraft, new: MappedModule) -> None:
    assert module.heading is not None
    fresh: list[str] = []
    if tuple(module.schemas) != new.schemas:
        _fact(update, module.schema_lines, schema_line(new, update.words) if new.schemas else None, fresh)
    if module.owner != new.owner:
        _fact(
            update,
            module.owner_lines,
            owner_line(new, update.words) if new.owner is not None else None,
            fresh,
        )
    if fresh:
        neighbours = [
            span
            for span in (*module.schema_lines, *module.owner_lines)
            if span[0] not in update.edits.dropped
        ]
        if neighbours:
            update.edits.follow(neighbours[-1][1] - 1, fresh)
        else:
            update.edits.insert(module.heading[1], [fresh])


def _fact(update: Update, spans: Sequence[Span], line: str | None, fresh: list[str]) -> None:
    """Put a fact in the place of its old line, or among the fresh ones when it had none."""
    if spans and line is not None:
        update.edits.replace(spans[0], line)
    elif line is not None:
        fresh.append(line)
    for span in spans if line is None else spans[1:]:
        update.edits.drop(span)


def _references(
    update: Update,
    module: ModuleDraft,
    label: Label,
    lists: Sequence[ReferenceList],
    references: Sequence[MapReference],
) -> None:
    before = tuple(each for listed in lists for item in listed.items for each in item.references)
    if before == tuple(references):
        return
    assert module.heading is not None
    remaining = list(references)
    for listed in lists:
        for item in listed.items:
            _item(update, item.references, item.span, remaining)
    if not references:
        for listed in lists:
            update.edits.drop(listed.label)
        return
    home = next((each for each in reversed(lists) if not each.inline), None)
    if remaining and home is None:
        for listed in lists:
            update.edits.drop(listed.label)
        update.edits.insert(
            _after_facts(module),
            reference_blocks(label, remaining if not lists else references, update.words),
        )
    elif remaining and home is not None:
        lines = [reference_line(each) for each in remaining]
        if home.items:
            update.edits.follow(home.items[-1].span[1] - 1, lines)
        else:
            update.edits.insert(home.label[1], [lines])


def _after_facts(module: ModuleDraft) -> int:
    assert module.heading is not None
    spans = (module.heading, *module.schema_lines, *module.owner_lines)
    return max(span[1] for span in spans)


def _item(
    update: Update, references: Sequence[MapReference], span: Span, remaining: list[MapReference]
) -> None:
    """Keep an item whose references are all still wanted; else drop it, and write what is wanted anew."""
    if references and all(each in remaining for each in references):
        for each in references:
            remaining.remove(each)
    else:
        update.edits.drop(span)


def _table(update: Update, module: ModuleDraft, table: TableDraft, new: MappedTable) -> None:
    tables = {folded(each.name) for each in module.tables}

    def bound(draft: ColumnDraft) -> MappedColumn:
        return bind_column(draft, module.name, tables, update.known_before)

    if tuple(bound(each) for each in table.columns) == new.columns:
        return
    assert table.heading is not None
    first, *others = table.blocks
    for block in others:
        update.edits.drop(block.span)
    lines = _column_lines(update, first, {row.line: bound(row) for row in _lone_rows(first)}, new.columns)
    update.edits.drop(first.span)
    update.edits.follow(first.span[1] - 1, lines)


def _lone_rows(block: ColumnsBlock) -> list[ColumnDraft]:
    """Rows that describe one column each; a row that two columns share is written anew."""
    count = Counter(row.line for row in block.rows)
    return [row for row in block.rows if count[row.line] == 1]


def _column_lines(
    update: Update, block: ColumnsBlock, rows: dict[int, MappedColumn], columns: Sequence[MappedColumn]
) -> list[str]:
    """The table of columns anew, under its old head where that can hold every fact, with unchanged rows kept."""
    heads = block.heads
    fits = set(heads_for(columns)) <= {*heads, *((Head.NULLABLE,) if Head.REQUIRED in heads else ())}
    if not (
        fits and len(set(heads) - {Head.EXTRA}) == len([each for each in heads if each is not Head.EXTRA])
    ):
        return column_table(columns, update.known, update.words)
    source = update.draft.lines
    old = {column: source[line] for line, column in rows.items()}
    head = list(source[block.span[0] : block.span[0] + 2])
    return [
        *head,
        *(old.get(each) or column_row(each, heads, update.known, update.words) for each in columns),
    ]
