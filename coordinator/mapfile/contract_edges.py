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
    known = DeclaredEdges(database_map, names)
    told: set[tuple[str, str, str | None]] = set()
    for edge in edges:
        key = (edge.consumer, edge.provider, edge.provider_table if known.closed else None)
        if key not in told and known.lacks(edge):
            told.add(key)
            yield _undeclared(edge, known)
    for each in known.declared:
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


class DeclaredEdges:
    """What the map says about who needs whom, asked edge by edge."""

    def __init__(self, database_map: DatabaseMap, names: BuiltNames) -> None:
        self.database_map = database_map
        self.names = names
        self.closed = database_map.form is MapForm.CANONICAL
        self.declared = [
            each for each in database_map.edges if names.find(each.consumer) and names.find(each.provider)
        ]
        self._described = {built.name for each in database_map.modules if (built := names.built_of(each))}

    def lacks(self, edge: CodeEdge) -> bool:
        """Whether the map ought to declare this edge and does not."""
        described = self._described >= {edge.consumer, edge.provider}
        if not described and not (self.closed and edge.consumer in self._described):
            return False
        return not any(declares(each, edge, self.names, closed=self.closed) for each in self.declared)

    def needs(self, consumer: str, provider: str) -> bool:
        """Whether the map declares that the one module needs the other, whatever the table."""
        edge = CodeEdge(consumer, provider, None, None, "", None)
        return any(_same_modules(each, edge, self.names) for each in self.declared)

    def target(self, edge: CodeEdge) -> str:
        """What is needed, as the map would write it."""
        provider = self.names.spelling(edge.provider)
        return f"{provider}.{edge.provider_table}" if edge.provider_table else provider

    def line_to_write(self, edge: CodeEdge) -> str:
        """What to write into the map, so that it declares the edge."""
        return f"write '{self.target(edge)}' under Depends on of '{self.names.spelling(edge.consumer)}'"


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


def _undeclared(edge: CodeEdge, known: DeclaredEdges) -> Finding:
    mapped = known.database_map.find(known.names.spelling(edge.consumer))
    why = f" ({edge.why})" if edge.why else ""
    where = f", made by {edge.place}" if edge.place else ""
    return Finding(
        rule="map-lacks-edge",
        message=f"module '{edge.consumer}' needs '{known.target(edge)}'{why}{where}, and the map does not declare it",
        module=edge.consumer,
        place=mapped.place if mapped else None,
        help=known.line_to_write(edge),
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
