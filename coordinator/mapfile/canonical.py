"""The canonical form: headings for modules and tables, tables of columns, lists of needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.mapfile.blocks import Block, Bullets, Fence, Heading, Paragraph, Table
from coordinator.mapfile.columns import heads_of, is_column_table, read_row
from coordinator.mapfile.drafts import (
    ColumnsBlock,
    MapDraft,
    ModuleDraft,
    ReferenceList,
    TableDraft,
    add_column,
    add_table,
)
from coordinator.mapfile.inline import Inline, read_inline
from coordinator.mapfile.outline import is_tree_art, read_bullets, read_tree
from coordinator.mapfile.quoting import read_dotted_name, read_name, split_dotted, without_emoji
from coordinator.mapfile.sections import (
    FACT_LABELS,
    Section,
    holds_columns,
    label_of,
    read_sections,
    states_facts,
    table_word,
)
from coordinator.mapfile.sketch import (
    has_modules,
    has_statements,
    module_name,
    near_label,
    read_facts,
    read_module_statements,
    read_modules,
    read_references,
    read_statement,
)
from coordinator.mapfile.words import Head, Label, says_open

if TYPE_CHECKING:
    from collections.abc import Sequence

_TREE_FENCES = frozenset({"", "text", "txt", "tree", "markdown", "md", "plain", "plaintext"})


@dataclass(slots=True, kw_only=True)
class _Reader:
    """Where the reading stands."""

    draft: MapDraft
    lines: Sequence[str]
    module: ModuleDraft | None = None
    module_level: int = 0
    table: TableDraft | None = None
    listed: ReferenceList | None = None  # a label is open: the next list holds its items


def read_document(draft: MapDraft, blocks: Sequence[Block], lines: Sequence[str]) -> None:
    """Read every block of the document into the draft."""
    reader = _Reader(draft=draft, lines=lines)
    for section in read_sections(blocks, lines):
        if section.heading is not None:
            _heading(reader, section, section.heading)
        for block in section.blocks:
            _block(reader, block)
    _close_module(reader, len(lines))


def _heading(reader: _Reader, section: Section, heading: Heading) -> None:
    reader.listed = None
    inline = heading.inline
    inside = reader.module is not None and heading.level > reader.module_level
    named = module_name(inline.text) if inline.code is None else None
    if named is not None:
        _open_module(reader, heading, named[0])
        reader.draft.heard([without_emoji(inline.text).split()[0]])
    elif inside and (label := label_of(inline)) is not None:
        reader.table = None
        if label in (Label.USED_BY, Label.DEPENDS_ON):
            _open_list(reader, label, inline.text, (heading.start, heading.end))
    elif inside and (holds_columns(section) or inline.code is not None or table_word(inline)):
        _open_table(reader, heading)
    elif section.is_parent or (not inside and states_facts(section)):
        _open_module(reader, heading, _bare_name(inline))
    else:
        if not inside:
            _close_module(reader, heading.start)
        reader.table = None


def _bare_name(inline: Inline) -> str:
    return read_name(inline.code or inline.text)[0] or inline.text


def _open_module(reader: _Reader, heading: Heading, name: str) -> None:
    _close_module(reader, heading.start)
    place = reader.draft.place(heading.start, _column(reader, heading.start, name))
    reader.module = reader.draft.add_module(
        ModuleDraft(
            name=name,
            place=place,
            heading=(heading.start, heading.end),
            level=heading.level,
            explicit=heading.inline.code is None and module_name(heading.inline.text) is not None,
        )
    )
    reader.module_level = heading.level
    reader.table = None


def _close_module(reader: _Reader, line: int) -> None:
    if reader.module is not None:
        reader.module.end = line
    reader.module, reader.table, reader.listed = None, None, None


def _open_table(reader: _Reader, heading: Heading) -> None:
    inline = heading.inline
    if inline.code is not None:
        parts = split_dotted(inline.code)
        parts = parts if len(parts) <= 2 else (inline.code,)
    else:
        parts, _ = read_dotted_name(table_word(inline) or inline.text)
    *schema, name = parts
    table = TableDraft(
        name=name,
        schema=schema[0] if schema else None,
        place=reader.draft.place(heading.start, _column(reader, heading.start, name)),
        heading=(heading.start, heading.end),
        level=heading.level,
    )
    assert reader.module is not None
    reader.table = add_table(reader.draft, reader.module, table)


def _column(reader: _Reader, line: int, text: str) -> int:
    return max(reader.lines[line].find(text), 0) + 1


def _open_list(reader: _Reader, label: Label, word: str, span: tuple[int, int]) -> None:
    assert reader.module is not None
    reader.draft.heard([without_emoji(word).strip(" :")])
    reader.listed = ReferenceList(label=span)
    (reader.module.used_by if label is Label.USED_BY else reader.module.depends_on).append(reader.listed)


def _block(reader: _Reader, block: Block) -> None:
    listed, reader.listed = reader.listed, None
    match block:
        case Table():
            _table(reader, block)
        case Paragraph():
            reader.listed = listed  # a sentence may stand between a label and its list
            _paragraph(reader, block)
        case Bullets():
            _bullets(reader, block, listed)
        case Fence():
            _fence(reader, block)
        case Heading():
            raise AssertionError("a heading begins a section")


def _table(reader: _Reader, block: Table) -> None:
    draft, table = reader.draft, reader.table
    explicit = table is not None and Head.NAME in heads_of(block.head)
    if not (explicit or is_column_table(block.head)):
        if table is not None and not table.blocks:
            wanted = "head it '| Column | Type | References | Notes |'"
            draft.not_understood(
                f"the table under '{table.name}' has no column of names", draft.place(block.start), wanted
            )
        return
    if table is None:
        where = f"module '{reader.module.name}'" if reader.module else "no module"
        wanted = "put it under '## Module NAME' and '### TABLE'"
        draft.not_understood(
            f"a table of columns stands in {where} under no table's heading", draft.place(block.start), wanted
        )
        return
    heads = heads_of(block.head)
    draft.heard(cell.inline.text for cell in block.head.cells)
    for head, cell in zip(heads, block.head.cells, strict=True):
        if head is None:
            what = f"the head '{cell.inline.text}' is not known; its cells are kept as notes"
            draft.not_understood(
                what, draft.place(block.start, cell.column), "see docs/database-map.md for the heads"
            )
    columns = ColumnsBlock(span=(block.start, block.end), heads=tuple(each or Head.EXTRA for each in heads))
    table.blocks.append(columns)
    for row in block.rows:
        for column in read_row(draft, block, heads, row):
            columns.rows.append(column)
            add_column(draft, table, column)


def _paragraph(reader: _Reader, block: Paragraph) -> None:
    if is_tree_art(block.lines):
        _tree(reader, block.lines, block.start)
        return
    for offset, line in enumerate(block.lines):
        _line(reader, line, block.start + offset)


def _line(reader: _Reader, line: str, number: int) -> None:
    draft = reader.draft
    inline = read_inline(line.strip())
    span = (number, number + 1)
    if says_open(inline.text):
        draft.open_lines.append(span)
        return
    statement = read_statement(inline.text) if inline.code is None else None
    if reader.module is None:
        return
    if statement is None or statement.label not in FACT_LABELS:
        if near := near_label(inline.text):
            place = draft.place(number, _column(reader, number, line.strip()))
            draft.not_understood(f"'{inline.text}' is no statement", place, f"did you mean '{near}:'?")
        return
    place = draft.place(number, _column(reader, number, statement.rest))
    if statement.label in (Label.USED_BY, Label.DEPENDS_ON):
        _open_list(reader, statement.label, statement.word.strip(" *"), span)
        if statement.rest and reader.listed is not None:
            reader.listed.inline = True
            read_references(draft, reader.listed, statement.rest, place, span)
            reader.listed = None
    elif statement.rest:
        draft.heard([statement.word.strip(" *")])
        read_facts(draft, reader.module, statement, place, span)


def _bullets(reader: _Reader, block: Bullets, listed: ReferenceList | None) -> None:
    nodes = read_bullets(block.items, reader.lines)
    draft = reader.draft
    if listed is not None:
        for node in nodes:
            place = draft.place(node.line, node.column)
            read_references(draft, listed, node.text, place, (node.line, node.end))
            read_module_statements(
                draft, reader.module, node.children
            ) if reader.module and node.children else None
    elif reader.module is not None and not has_modules(nodes) and has_statements(nodes):
        read_module_statements(draft, reader.module, nodes)
    elif has_modules(nodes):
        read_modules(draft, nodes)
    else:
        for node in nodes:
            if says_open(node.text):
                draft.open_lines.append((node.line, node.end))


def _fence(reader: _Reader, block: Fence) -> None:
    if block.language in _TREE_FENCES and is_tree_art(block.lines):
        reader.draft.fences.append((block.start, block.end))
        _tree(reader, block.lines, block.first, fenced=True)


def _tree(reader: _Reader, lines: Sequence[str], first: int, *, fenced: bool = False) -> None:
    nodes = read_tree(lines, first, reader.lines, marked=not fenced)
    draft = reader.draft
    if has_modules(nodes):
        read_modules(draft, nodes)
    elif reader.module is not None and has_statements(nodes):
        read_module_statements(draft, reader.module, nodes)
    else:
        draft.not_understood(
            "this tree names no module", draft.place(first), "begin its branches with 'Module NAME'"
        )
