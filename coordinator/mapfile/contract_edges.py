"""Edges between modules: what the code has, against what the map declares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.database_map import Declared, MapForm, same_name
from coordinator.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.mapfile.pairing import BuiltNames
    from coordinator.model.built_schema import BuiltSchema, ModuleUse
    from coordinator.model.database_map import DatabaseMap, MapEdge
    from coordinator.model.names import Place


@dataclass(frozen=True, slots=True)
class CodeEdge:
    """One edge of the code, in real names."""

    consumer: str
    provider: str
    consumer_table: str | None
    provider_table: str | None
    why: str
    place: Place | None


def compare_edges(database_map: DatabaseMap, actual: BuiltSchema, names: BuiltNames) -> Iterator[Finding]:
    """Edges that only one side has.

    A canonical map declares tables: an edge to another table of a declared module is still undeclared. A sketch
    declares modules, and only edges between two modules that both stand in it are asked for.
    """
    edges = code_edges(actual)
    closed = database_map.form is MapForm.CANONICAL
    declared = [
        each for each in database_map.edges if names.find(each.consumer) and names.find(each.provider)
    ]
    described = {built.name for each in database_map.modules if (built := names.built_of(each))}
    told: set[tuple[str, str, str | None]] = set()
    for edge in edges:
        wanted = described >= {edge.consumer, edge.provider} or (closed and edge.consumer in described)
        key = (edge.consumer, edge.provider, edge.provider_table if closed else None)
        if (
            wanted
            and key not in told
            and not any(declares(each, edge, names, closed=closed) for each in declared)
        ):
            told.add(key)
            yield _undeclared(edge, database_map, names)
    for each in declared:
        if each.declared is not Declared.REFERENCES and not any(
            _borne_out(each, edge, names) for edge in edges
        ):
            yield _unfounded(each, edges, names)


def code_edges(actual: BuiltSchema) -> tuple[CodeEdge, ...]:
    """Foreign keys between modules, then every other use."""
    keys = [
        CodeEdge(
            module.name,
            owner.name,
            table.name,
            key.table,
            f"{table.schema}.{table.name}({', '.join(key.columns)}) references {key.schema}.{key.table}",
            None,
        )
        for module in actual.modules
        for table in module.tables
        for key in table.foreign_keys
        if (owner := actual.owner_of(key.schema)) is not None and owner.name != module.name
    ]
    return (*keys, *(_from_use(each) for each in actual.uses if each.consumer != each.provider))


def _from_use(use: ModuleUse) -> CodeEdge:
    return CodeEdge(use.consumer, use.provider, use.consumer_table, use.provider_table, use.why, use.place)


def _same_modules(declared: MapEdge, edge: CodeEdge, names: BuiltNames) -> bool:
    consumer, provider = names.find(declared.consumer), names.find(declared.provider)
    return (
        consumer is not None
        and provider is not None
        and (consumer.name, provider.name) == (edge.consumer, edge.provider)
    )


def declares(declared: MapEdge, edge: CodeEdge, names: BuiltNames, *, closed: bool) -> bool:
    """Whether a line of the map covers an edge of the code."""
    return _same_modules(declared, edge, names) and (not closed or _tables_fit(declared, edge))


def _tables_fit(declared: MapEdge, edge: CodeEdge) -> bool:
    pairs = ((declared.consumer_table, edge.consumer_table), (declared.provider_table, edge.provider_table))
    return all(said is None or known is None or same_name(said, known) for said, known in pairs)


def _borne_out(declared: MapEdge, edge: CodeEdge, names: BuiltNames) -> bool:
    """Whether an edge of the code is what a line of the map speaks of."""
    return _same_modules(declared, edge, names) and _tables_fit(declared, edge)


def _undeclared(edge: CodeEdge, database_map: DatabaseMap, names: BuiltNames) -> Finding:
    consumer, provider = names.spelling(edge.consumer), names.spelling(edge.provider)
    target = f"{provider}.{edge.provider_table}" if edge.provider_table else provider
    mapped = database_map.find(consumer)
    why = f" ({edge.why})" if edge.why else ""
    where = f", made by {edge.place}" if edge.place else ""
    return Finding(
        rule="map-lacks-edge",
        message=f"module '{edge.consumer}' needs '{target}'{why}{where}, and the map does not declare it",
        module=edge.consumer,
        place=mapped.place if mapped else None,
        help=f"write '{target}' under Depends on of '{consumer}'",
    )


def _unfounded(declared: MapEdge, edges: tuple[CodeEdge, ...], names: BuiltNames) -> Finding:
    word = "used by" if declared.declared is Declared.USED_BY else "depends on"
    module = declared.provider if declared.declared is Declared.USED_BY else declared.consumer
    others = sorted(
        {
            str(each.provider_table)
            for each in edges
            if _same_modules(declared, each, names) and each.provider_table
        }
    )
    remedy = (
        f"what is needed there: {', '.join(others)}"
        if others
        else "take it out of the map, or add the foreign key"
    )
    real = names.find(module)
    return Finding(
        rule="map-only-edge",
        message=f"the map says '{module}' {word} '{declared.reference}', and nothing in the code does",
        module=real.name if real else module,
        place=declared.place,
        help=remedy,
    )
