"""An existing document brought up to date with a map, its prose kept where it stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.mapfile.document import bind_column, finish, read_draft
from coordinator.mapfile.edits import Edits
from coordinator.mapfile.rendering import (
    column_row,
    column_table,
    heads_for,
    known_names,
    module_blocks,
    module_heading,
    open_line,
    owner_line,
    reference_blocks,
    reference_line,
    render_map,
    schema_line,
    table_blocks,
)
from coordinator.mapfile.words import ENGLISH, PORTUGUESE, Head, Label, Vocabulary
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
    from coordinator.model.database_map import (
        DatabaseMap,
        MappedColumn,
        MappedModule,
        MappedTable,
        MapReference,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Update:
    """What every part of an update needs."""

    edits: Edits
    draft: MapDraft
    words: Vocabulary
    known_before: Collection[str]  # folded names of modules, as the document knows them
    known: Collection[str]  # and as the map does


def update_map(text: str, database_map: DatabaseMap) -> str:
    """The document with the facts of `database_map`, in the canonical form.

    Lines of prose, and rows and items whose facts have not changed, stay as they are; what the map no longer
    holds goes, what is new comes at the end of its part. A sketch gives way to the canonical form.
    Doing it twice changes nothing. Raises MapError when the document cannot be read as a map, except that a
    document without any module gets them at its end.
    """
    draft = read_draft(text, file=database_map.file or "database_map.md")
    if any(each.rule == "map-no-modules" for each in draft.findings):
        return _appended(text, database_map)
    before = finish(draft)
    update = _Update(
        edits=Edits(lines=draft.lines, items=_item_lines(draft)),
        draft=draft,
        words=PORTUGUESE if draft.portuguese else ENGLISH,
        known_before=known_names(before),
        known=known_names(database_map),
    )
    _modules(update, database_map)
    _open(update, database_map)
    if not update.edits:
        return text
    return update.edits.apply().replace("\n", "\r\n" if "\r\n" in text else "\n")


def _item_lines(draft: MapDraft) -> set[int]:
    """The lines of every list that holds facts."""
    spans: list[Span] = []
    for module in draft.modules:
        lists = (*module.used_by, *module.depends_on)
        spans.extend((*module.schema_lines, *module.owner_lines))
        spans.extend(item.span for listed in lists for item in listed.items)
        spans.extend(listed.label for listed in lists)
    return {line for span in spans for line in range(*span)}


def _appended(text: str, database_map: DatabaseMap) -> str:
    rendered = render_map(database_map)
    if not text.strip():
        return rendered
    _, _, without_title = rendered.partition("\n\n")
    return text.rstrip("\n") + "\n\n" + without_title


def _modules(update: _Update, database_map: DatabaseMap) -> None:
    wanted = {folded(each.name): each for each in database_map.modules}
    kept: set[str] = set()
    for module in update.draft.modules:
        new = wanted.get(folded(module.name))
        if module.heading is None or new is None:
            _drop_module(update, module)
        else:
            kept.add(folded(module.name))
            _module(update, module, new)
    level = next((each.level for each in update.draft.modules if each.heading is not None), 2)
    blocks = [
        block
        for each in database_map.modules
        if folded(each.name) not in kept
        for block in module_blocks(each, update.known, update.words, level=level)
    ]
    if blocks:
        update.edits.insert(_end_of_modules(update), blocks)


def _end_of_modules(update: _Update) -> int:
    """Where new modules go: after the last section of a module, or where a sketch begins."""
    sections = [each for each in update.draft.modules if each.heading is not None]
    if sections:
        return _end_of(update, sections[-1])
    outlines = [span[0] for each in update.draft.modules for span in each.lines]
    fences = [start for start, end in update.draft.fences if start < min(outlines) < end]
    return min((*outlines, *fences))


def _end_of(update: _Update, module: ModuleDraft) -> int:
    """The line after a module's section, before empty lines and `[other modules...]`."""
    marks = [start for start, _ in update.draft.open_lines if module.place.line <= start < module.end]
    line = min((module.end, *marks))
    while line > 0 and not update.draft.lines[line - 1].strip():
        line -= 1
    return line


def _drop_module(update: _Update, module: ModuleDraft) -> None:
    spans: list[Span] = [*module.lines, *module.schema_lines, *module.owner_lines]
    spans.extend([module.heading] if module.heading else [])
    for listed in (*module.used_by, *module.depends_on):
        spans.extend((listed.label, *(item.span for item in listed.items)))
    for span in spans:
        update.edits.drop(span)
    for table in module.tables:
        _drop_table(update, table)


def _drop_table(update: _Update, table: TableDraft) -> None:
    spans = [*table.lines, *(block.span for block in table.blocks)]
    for span in (*spans, table.heading) if table.heading else spans:
        update.edits.drop(span)


def _module(update: _Update, module: ModuleDraft, new: MappedModule) -> None:
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
        update.edits.insert(_end_of(update, module), blocks)


def _take(remaining: list[MappedTable], table: TableDraft) -> MappedTable | None:
    """The table of that name, taken out of those that are still to be written; the same spelling wins."""
    alike = [each for each in remaining if same_name(each.name, table.name) and each.schema == table.schema]
    exact = [each for each in alike if each.name == table.name]
    found = next(iter(exact or alike), None)
    if found is not None:
        remaining.remove(found)
    return found


def _facts(update: _Update, module: ModuleDraft, new: MappedModule) -> None:
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


def _fact(update: _Update, spans: Sequence[Span], line: str | None, fresh: list[str]) -> None:
    """Put a fact in the place of its old line, or among the fresh ones when it had none."""
    if spans and line is not None:
        update.edits.replace(spans[0], line)
    elif line is not None:
        fresh.append(line)
    for span in spans if line is None else spans[1:]:
        update.edits.drop(span)


def _references(
    update: _Update,
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
    update: _Update, references: Sequence[MapReference], span: Span, remaining: list[MapReference]
) -> None:
    """Keep an item whose references are all still wanted; else drop it, and write what is wanted anew."""
    if references and all(each in remaining for each in references):
        for each in references:
            remaining.remove(each)
    else:
        update.edits.drop(span)


def _table(update: _Update, module: ModuleDraft, table: TableDraft, new: MappedTable) -> None:
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
    update: _Update, block: ColumnsBlock, rows: dict[int, MappedColumn], columns: Sequence[MappedColumn]
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


def _open(update: _Update, database_map: DatabaseMap) -> None:
    edits, draft = update.edits, update.draft
    if not database_map.open:
        for span in draft.open_lines:
            edits.drop(span)
    elif not draft.open_lines:
        edits.insert(len(draft.lines), [[open_line(update.words)]])
    for span in draft.outline_lines if draft.sketched else ():
        edits.drop(span)
    for start, end in draft.fences:
        inside = range(start + 1, end - 1)
        if all(line in edits.dropped or not draft.lines[line].strip() for line in inside):
            edits.drop((start, end))
