"""A database map as mermaid pictures: modules and who needs whom, or tables and what they reference."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from coordinator.model.database_map import Declared, folded
from coordinator.reports.escaping import mermaid_text
from coordinator.reports.wording import one_line

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from coordinator.model.database_map import (
        DatabaseMap,
        MapEdge,
        MappedColumn,
        MappedModule,
        MappedTable,
        MapReference,
    )

_SHOWN_TABLES = 3
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def module_graph(database_map: DatabaseMap) -> str:
    """A flowchart of modules; an arrow goes from the one that needs to the one that is needed.

    Modules that the map names and does not describe are drawn with a broken line.
    """
    ids = {folded(each.name): f"m{number}" for number, each in enumerate(database_map.modules, start=1)}
    lines = ["flowchart LR"]
    lines.extend(f'  {ids[folded(each.name)]}["{_module_label(each)}"]' for each in database_map.modules)
    others: list[str] = []
    for edge in database_map.edges:
        for name in (edge.consumer, edge.provider):
            if folded(name) not in ids:
                ids[folded(name)] = f"o{len(others) + 1}"
                others.append(ids[folded(name)])
                lines.append(f'  {ids[folded(name)]}["{mermaid_text(name)}"]')
    for (consumer, provider), edges in _by_pair(database_map).items():
        label = _edge_label(edges)
        arrow = f' -->|"{label}"| ' if label else " --> "
        lines.append(f"  {ids[consumer]}{arrow}{ids[provider]}")
    if others:
        lines.append("  classDef other stroke-dasharray: 4 4")
        lines.append(f"  class {','.join(others)} other")
    return "\n".join(lines) + "\n"


def _module_label(module: MappedModule) -> str:
    schemas = [each for each in module.schemas if folded(each) != folded(module.name)]
    behind = f"<br/>{mermaid_text(', '.join(schemas))}" if schemas else ""
    return mermaid_text(module.name) + behind


def _by_pair(database_map: DatabaseMap) -> dict[tuple[str, str], list[MapEdge]]:
    pairs: dict[tuple[str, str], list[MapEdge]] = {}
    for edge in database_map.edges:
        pairs.setdefault((folded(edge.consumer), folded(edge.provider)), []).append(edge)
    return pairs


def _edge_label(edges: list[MapEdge]) -> str:
    """The tables that are needed; a few of them, when there are many."""
    needed = (each.provider_table for each in edges if each.declared is not Declared.USED_BY)
    names = list(dict.fromkeys(each for each in needed if each))
    more = ["…"] if len(names) > _SHOWN_TABLES else []
    return mermaid_text(", ".join([*names[:_SHOWN_TABLES], *more]))


def table_graph(database_map: DatabaseMap) -> str:
    """An entity-relationship diagram of every table, its columns and what they reference."""
    tables = [(module, table) for module in database_map.modules for table in module.tables]
    ids = {
        (folded(module.name), folded(table.name)): f"t{number}"
        for number, (module, table) in enumerate(tables, start=1)
    }
    lines = ["erDiagram"]
    for module, table in tables:
        name = mermaid_text(f"{module.name}.{table.name}")
        lines.append(f'  {ids[folded(module.name), folded(table.name)]}["{name}"] {{')
        lines.extend(f"    {_attribute(each)}" for each in table.columns)
        lines.append("  }")
    outside: dict[str, str] = {}
    known = database_map.by_name
    for module, table in tables:
        lines.extend(_relations(known, module, table, ids, outside))
    return "\n".join(lines) + "\n"


def _relations(
    known: Mapping[str, MappedModule],
    module: MappedModule,
    table: MappedTable,
    ids: dict[tuple[str, str], str],
    outside: dict[str, str],
) -> Iterator[str]:
    """One line a reference; a table that the map does not describe is declared before its first line."""
    here = ids[folded(module.name), folded(table.name)]
    for column in table.columns:
        for reference in column.references:
            there = ids.get(_key(known, reference))
            if there is None:
                name = ".".join(part for part in (reference.module, reference.table) if part)
                if name not in outside:
                    outside[name] = f"x{len(outside) + 1}"
                    yield f'  {outside[name]}["{mermaid_text(name)}"]'
                there = outside[name]
            many = "}o--o|" if column.nullable else "}o--||"
            yield f'  {here} {many} {there} : "{mermaid_text(column.name)}"'


def _key(known: Mapping[str, MappedModule], reference: MapReference) -> tuple[str, str]:
    owner = known.get(folded(reference.module))
    return folded(owner.name if owner else reference.module), folded(reference.table or "")


def _attribute(column: MappedColumn) -> str:
    """Type, name, FK. Both must be single words there; a name that is none is told as a comment."""
    name = _word(column.name, "column")
    kind = _word(column.type or "unknown", "unknown")
    key = " FK" if column.references else ""
    remarks = [one_line(column.name)] if name != column.name else []
    remarks.extend(["personal data"] if column.personal else [])
    remark = f' "{mermaid_text("; ".join(remarks))}"' if remarks else ""
    return f"{kind} {name}{key}{remark}"


def _word(text: str, otherwise: str) -> str:
    if _WORD.fullmatch(text):
        return text
    word = re.sub(r"[^A-Za-z0-9_]+", "_", text).strip("_")
    return word if _WORD.fullmatch(word) else f"{otherwise}_{word}".rstrip("_")
