"""A database map as people read it on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.database_map import MapForm
from coordinator.reports.finding_text import finding_lines
from coordinator.reports.table import table as aligned
from coordinator.reports.wording import counted, one_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.database_map import DatabaseMap, MappedColumn, MappedModule, MappedTable
    from coordinator.reports.page import Page

_HEADINGS = ("column", "type", "null", "references", "personal", "notes")
_FORMS = {
    MapForm.CANONICAL: "canonical: what is missing from it is a finding",
    MapForm.SKETCH: "a sketch: what it leaves out is no finding",
}


def map_text(database_map: DatabaseMap, page: Page) -> str:
    """The whole map, module by module, and what was not understood."""
    tables = sum(len(each.tables) for each in database_map.modules)
    count = f"{counted(len(database_map.modules), 'module')}, {counted(tables, 'table')}"
    lines = page.wrapped(f"{database_map.file}: {count}; {_FORMS[database_map.form]}", then="  ")
    for module in database_map.modules:
        lines.extend(("", *_module(module, page)))
    if database_map.open:
        lines.extend(("", "and other modules, which the map leaves out"))
    if database_map.problems:
        lines.append("")
        lines.extend(line for each in database_map.problems for line in finding_lines(each, page))
    return "\n".join(lines) + "\n"


def _module(module: MappedModule, page: Page) -> Iterator[str]:
    facts = [f"schema {', '.join(module.schemas)}"] if module.schemas else []
    facts.extend([f"owner {module.owner}"] if module.owner else [])
    behind = f" ({one_line('; '.join(facts))})" if facts else ""
    yield page.paint(one_line(module.name), "cyan") + behind
    for title, references in (("used by", module.used_by), ("depends on", module.depends_on)):
        if references:
            told = ", ".join(one_line(str(each)) for each in references)
            yield from page.wrapped(f"{title} {told}", first="  ", then="    ")
    for table in module.tables:
        yield from _table(table, page)


def _table(table: MappedTable, page: Page) -> Iterator[str]:
    name = table.name if table.schema is None else f"{table.schema}.{table.name}"
    yield ""
    yield f"  {one_line(name)}"
    for line in aligned(_HEADINGS, [_column(each) for each in table.columns], page):
        yield f"    {line}".rstrip()


def _column(column: MappedColumn) -> tuple[str, ...]:
    nullable = {None: "", True: "yes", False: "no"}[column.nullable]
    references = ", ".join(str(each) for each in column.references)
    return (
        column.name,
        column.type,
        nullable,
        references,
        "yes" if column.personal else "",
        column.notes,
    )
