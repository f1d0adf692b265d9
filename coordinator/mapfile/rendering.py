"""A DatabaseMap as Markdown in the canonical form, which reads back as the same map."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.mapfile.inline import code_or_escaped, escaped
from coordinator.mapfile.quoting import quoted, written_name
from coordinator.mapfile.references import written_reference
from coordinator.mapfile.words import ENGLISH, Head, Label, Vocabulary
from coordinator.model.database_map import folded

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from coordinator.model.database_map import (
        DatabaseMap,
        MappedColumn,
        MappedModule,
        MappedTable,
        MapReference,
    )


def render_map(database_map: DatabaseMap, *, words: Vocabulary = ENGLISH) -> str:
    """The map as a document to be read on the web. Nothing is left out; prose is not part of a map."""
    known = known_names(database_map)
    blocks = [[f"# {words.title}"]]
    for module in database_map.modules:
        blocks.extend(module_blocks(module, known, words))
    if database_map.open:
        blocks.append([open_line(words)])
    return "\n\n".join("\n".join(block) for block in blocks) + "\n"


def known_names(database_map: DatabaseMap) -> frozenset[str]:
    """The folded names that a reader of the map takes for modules."""
    return frozenset(folded(name) for each in database_map.modules for name in (each.name, *each.schemas))


def open_line(words: Vocabulary) -> str:
    """The line that says that there are modules besides these."""
    return "\\" + words.open.replace("]", "\\]")


def module_blocks(
    module: MappedModule, known: Collection[str], words: Vocabulary, *, level: int = 2
) -> list[list[str]]:
    """A module's section as blocks of lines, its heading at this level."""
    blocks = [[module_heading(module, words, level=level)]]
    facts = fact_lines(module, words)
    blocks.extend([facts] if facts else [])
    for label, references in ((Label.USED_BY, module.used_by), (Label.DEPENDS_ON, module.depends_on)):
        if references:
            blocks.extend(reference_blocks(label, references, words))
    for table in module.tables:
        blocks.extend(table_blocks(table, known, words, level=level + 1))
    return blocks


def module_heading(module: MappedModule, words: Vocabulary, *, level: int = 2) -> str:
    """`## Module crm`."""
    return f"{'#' * level} {words.module} {escaped(written_name(module.name))}"


def fact_lines(module: MappedModule, words: Vocabulary) -> list[str]:
    """The bullets that name a module's schemas and owner."""
    lines = [schema_line(module, words)] if module.schemas else []
    return [*lines, owner_line(module, words)] if module.owner is not None else lines


def schema_line(module: MappedModule, words: Vocabulary) -> str:
    """`- **Schema:** crm, crm_audit`."""
    return f"- **{words.schema}:** " + ", ".join(_fact(each) for each in module.schemas)


def owner_line(module: MappedModule, words: Vocabulary) -> str:
    """`- **Owner:** crm_owner`."""
    return f"- **{words.owner}:** {_fact(module.owner or '')}"


def _fact(name: str) -> str:
    return code_or_escaped(written_name(name))


def reference_blocks(label: Label, references: Sequence[MapReference], words: Vocabulary) -> list[list[str]]:
    """*Used by* or *Depends on* with its list."""
    title = words.used_by if label is Label.USED_BY else words.depends_on
    return [[f"**{title}**"], [reference_line(each) for each in references]]


def reference_line(reference: MapReference) -> str:
    """One item of a list of needs, its remark behind a dash."""
    remark = f" — {escaped(reference.notes)}" if reference.notes else ""
    return f"- {code_or_escaped(written_reference(reference))}{remark}"


def table_blocks(
    table: MappedTable, known: Collection[str], words: Vocabulary, *, level: int = 3
) -> list[list[str]]:
    """A table's heading and its columns."""
    return [[table_heading(table, level=level)], column_table(table.columns, known, words)]


def column_table(columns: Sequence[MappedColumn], known: Collection[str], words: Vocabulary) -> list[str]:
    """The Markdown table of these columns, head and all."""
    heads = heads_for(columns)
    head = "| " + " | ".join(words.heads[each] for each in heads) + " |"
    return [head, "|" + "---|" * len(heads), *(column_row(each, heads, known, words) for each in columns)]


def table_heading(table: MappedTable, *, level: int = 3) -> str:
    """`### customers`, with its schema where the table names one."""
    parts = (table.name,) if table.schema is None else (table.schema, table.name)
    shown = code_or_escaped(".".join(written_name(each) for each in parts))
    if not shown.startswith("`"):
        # Outside code a bare first word could be read as the word `Module` or as a label.
        shown = escaped(".".join(quoted(each) for each in parts))
    return f"{'#' * level} {shown}"


def heads_for(columns: Sequence[MappedColumn]) -> tuple[Head, ...]:
    """The heads that these columns need; those that say nothing in any row are left out."""
    nullable = (Head.NULLABLE,) if any(each.nullable is not None for each in columns) else ()
    personal = (Head.PERSONAL,) if any(each.personal for each in columns) else ()
    return (Head.NAME, Head.TYPE, *nullable, Head.REFERENCES, *personal, Head.NOTES)


def column_row(column: MappedColumn, heads: Sequence[Head], known: Collection[str], words: Vocabulary) -> str:
    """One column as a row under these heads."""
    cells = {
        Head.NAME: _fact(column.name),
        Head.TYPE: code_or_escaped(column.type),
        Head.NULLABLE: _answer(column.nullable, words),
        Head.REQUIRED: _answer(None if column.nullable is None else not column.nullable, words),
        Head.REFERENCES: ", ".join(_reference(each, known) for each in column.references),
        Head.PERSONAL: words.yes if column.personal else "",
        Head.NOTES: escaped(column.notes),
    }
    return "| " + " | ".join(cells.get(each, "") for each in heads) + " |"


def _reference(reference: MapReference, known: Collection[str]) -> str:
    return code_or_escaped(written_reference(reference, known=folded(reference.module) in known))


def _answer(answer: bool | None, words: Vocabulary) -> str:
    return "" if answer is None else (words.yes if answer else words.no)
