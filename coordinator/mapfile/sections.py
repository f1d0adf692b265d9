"""The sections of a document, and what their headings may be: a module, a table, a label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.mapfile.blocks import Block, Bullets, Fence, Heading, Paragraph, Table
from coordinator.mapfile.columns import heads_of, is_column_table
from coordinator.mapfile.inline import Inline, read_inline
from coordinator.mapfile.outline import is_tree_art
from coordinator.mapfile.quoting import without_emoji
from coordinator.mapfile.sketch import read_statement
from coordinator.mapfile.words import LABELS, Head, Label
from coordinator.model.database_map import folded

if TYPE_CHECKING:
    from collections.abc import Sequence

FACT_LABELS = (Label.SCHEMA, Label.OWNER, Label.USED_BY, Label.DEPENDS_ON)
_GROUPS = (Label.TABLE, Label.COLUMNS)


@dataclass(slots=True, kw_only=True)
class Section:
    """A heading with what stands before the next one."""

    heading: Heading | None
    blocks: list[Block] = field(default_factory=list)
    is_parent: bool = False  # a heading below it, deeper, is a table's
    line: int = 0


def read_sections(blocks: Sequence[Block], lines: Sequence[str]) -> list[Section]:
    """Cut a document at its headings; the first section has none. `lines` are those of the document."""
    sections = [Section(heading=None)]
    for block in blocks:
        if isinstance(block, Heading):
            sections.append(Section(heading=block, line=block.start))
        else:
            _add(sections[-1].blocks, block, lines)
    above: list[Section] = []
    for section in sections[1:]:
        level = section.heading.level if section.heading else 0
        above = [each for each in above if each.heading and each.heading.level < level]
        if holds_columns(section):
            # `Tables` between a module and its tables is no module.
            owners = [each for each in above if each.heading and label_of(each.heading.inline) not in _GROUPS]
            if owners:
                owners[-1].is_parent = True
        above.append(section)
    return sections


def _add(blocks: list[Block], block: Block, lines: Sequence[str]) -> None:
    """Add a block; tree art that empty lines have cut in two is joined again."""
    last = blocks[-1] if blocks else None
    if (
        isinstance(last, Paragraph)
        and _is_bare_tree(last)
        and isinstance(block, Paragraph | Fence)
        and _is_bare_tree(block)
    ):
        joined = tuple(lines[last.start : block.end])
        blocks[-1] = Paragraph(lines=joined, start=last.start, end=block.end)
    else:
        blocks.append(block)


def _is_bare_tree(block: Paragraph | Fence) -> bool:
    """Tree art without a fence. What is indented enough to be code has no line of its own before its content."""
    indented = isinstance(block, Fence) and block.first == block.start
    return (isinstance(block, Paragraph) or indented) and is_tree_art(block.lines)


def holds_columns(section: Section) -> bool:
    """Whether a table of columns stands right below the heading."""
    named = section.heading is not None and table_word(section.heading.inline) is not None
    tables = [each for each in section.blocks if isinstance(each, Table)]
    return any(is_column_table(each.head) or (named and Head.NAME in heads_of(each.head)) for each in tables)


def label_of(inline: Inline) -> Label | None:
    """The label that a heading or a bold line is, with nothing behind it. Code is a name, never a label."""
    return None if inline.code is not None else LABELS.get(folded(without_emoji(inline.text).strip(" :")))


def table_word(inline: Inline) -> str | None:
    """What follows `Table` or `Tabela:` in a heading, else None."""
    if inline.code is not None:
        return None
    word, _, rest = without_emoji(inline.text).partition(" ")
    is_word = LABELS.get(folded(word.strip(":"))) is Label.TABLE and word.lower().rstrip(":s") in (
        "table",
        "tabela",
    )
    return rest.strip() or None if is_word else None


def states_facts(section: Section) -> bool:
    """Whether the text right below a heading says `Schema:` or another fact of a module."""
    texts: list[str] = []
    for block in section.blocks:
        if isinstance(block, Paragraph) and not is_tree_art(block.lines):
            texts.extend(read_inline(line).text for line in block.lines)
        elif isinstance(block, Bullets):
            texts.extend(read_inline(item.lines[0]).text for item in block.items if item.lines)
    statements = (read_statement(each) for each in texts)
    return any(each is not None and each.label in FACT_LABELS for each in statements)
