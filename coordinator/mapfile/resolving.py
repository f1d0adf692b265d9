"""The names of a map bound to the modules that really are: their order, and who needs whom."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from coordinator.mapfile.nearest import did_you_mean
from coordinator.model.check import MapReference as ColumnReference
from coordinator.model.database_map import folded, same_name
from coordinator.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from coordinator.model.database_map import DatabaseMap, MappedModule
    from coordinator.model.module import Module
    from coordinator.model.names import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedMap:
    """What a planner takes from a map, in the real names of modules.

    `order` are the modules in the order of the document. `edges` gives each of them the modules that it
    depends on, by *Depends on*, by the other's *Used by* or by a column's reference. What could not be bound is
    in `findings` and nowhere else. `references` are the columns that point at a column, as the map says. `personal`
    are columns with personal data, `plain` the others that are described: the real schema, and table and column as
    `folded`.
    """

    order: tuple[str, ...]
    edges: Mapping[str, frozenset[str]]
    references: tuple[ColumnReference, ...] = ()
    personal: frozenset[tuple[str, str, str]] = frozenset()
    plain: frozenset[tuple[str, str, str]] = frozenset()
    findings: tuple[Finding, ...] = ()


def resolve_map(database_map: DatabaseMap, modules: Sequence[Module]) -> ResolvedMap:
    """Bind every name of a module in the map. A name that nobody knows is a finding with its line."""
    book = _Book.of(database_map, modules)
    findings: list[Finding] = []
    found: dict[str, MappedModule] = {}
    for mapped in database_map.modules:
        real = book.real_of(mapped)
        if real is None:
            findings.append(_unknown(mapped.name, mapped.place, modules))
        elif real.name in found:
            message = f"'{mapped.name}' and '{found[real.name].name}' are both module '{real.name}'"
            findings.append(
                _finding("map-duplicate-module", message, mapped.place, "join the two parts into one")
            )
        else:
            found[real.name] = mapped
            findings.extend(_schemas(mapped, real, modules))
    edges: dict[str, set[str]] = {name: set() for name in found}
    known = database_map.by_name
    unknown: set[str] = set()
    for edge in database_map.edges:
        consumer, provider = book.find(edge.consumer), book.find(edge.provider)
        if consumer is not None and provider is not None:
            if consumer is not provider:
                edges.setdefault(consumer.name, set()).add(provider.name)
            continue
        named = edge.reference.module
        if book.find(named) is None and folded(named) not in known and folded(named) not in unknown:
            unknown.add(folded(named))
            findings.append(_unknown(named, edge.place, modules))
    return ResolvedMap(
        order=tuple(found),
        edges=MappingProxyType({name: frozenset(needs) for name, needs in edges.items()}),
        references=tuple(_references(found, book)),
        personal=frozenset(_columns(found, book, personal=True)),
        plain=frozenset(_columns(found, book, personal=False)),
        findings=tuple(findings),
    )


def _columns(
    found: Mapping[str, MappedModule], book: _Book, *, personal: bool
) -> Iterator[tuple[str, str, str]]:
    """Columns that the map marks as holding personal data, or those that it does not."""
    for mapped in found.values():
        real = book.real_of(mapped)
        assert real is not None
        for table in mapped.tables:
            for column in table.columns:
                if column.personal is personal:
                    yield _schema(table.schema, real), folded(table.name), folded(column.name)


def _references(found: Mapping[str, MappedModule], book: _Book) -> Iterator[ColumnReference]:
    """References that name a column; one that stops at the table does not say which of its keys is meant."""
    for mapped in found.values():
        real = book.real_of(mapped)
        assert real is not None
        for table in mapped.tables:
            for column in table.columns:
                for each in column.references:
                    target = book.find(each.module)
                    if target is not None and each.table is not None and each.column is not None:
                        yield ColumnReference(
                            schema=_schema(table.schema, real),
                            table=table.name,
                            column=column.name,
                            target_schema=_schema(each.schema or each.module, target),
                            target_table=each.table,
                            target_column=each.column,
                            place=each.place,
                        )


def _schema(named: str | None, module: Module) -> str:
    """The schema that is named, in its real spelling; the module's first when none of its schemas is."""
    return next((each for each in module.schemas if named and same_name(each, named)), module.schema)


@dataclass(frozen=True, slots=True)
class _Book:
    """Real modules by every folded name that the map may use for them."""

    by_name: Mapping[str, Module]
    by_schema: Mapping[str, Module]
    by_mapped: Mapping[str, Module]  # modules whose name in the map is another one

    @classmethod
    def of(cls, database_map: DatabaseMap, modules: Sequence[Module]) -> _Book:
        book = cls(
            {folded(each.name): each for each in modules},
            {folded(schema): each for each in modules for schema in each.schemas},
            {},
        )
        bound = {folded(each.name): book.real_of(each) for each in database_map.modules}
        return cls(
            book.by_name, book.by_schema, {name: real for name, real in bound.items() if real is not None}
        )

    def find(self, name: str) -> Module | None:
        key = folded(name)
        return self.by_mapped.get(key) or self.by_name.get(key) or self.by_schema.get(key)

    def real_of(self, mapped: MappedModule) -> Module | None:
        """By its name, else by the schemas it names, else by a schema that has its name."""
        key = folded(mapped.name)
        by_schemas = (self.by_schema.get(folded(schema)) for schema in mapped.schemas)
        named = next((each for each in by_schemas if each is not None), None)
        return self.by_name.get(key) or named or self.by_schema.get(key)


def _schemas(mapped: MappedModule, real: Module, modules: Sequence[Module]) -> list[Finding]:
    """Schemas that the map gives to a module and the settings do not."""
    own = {folded(schema) for schema in real.schemas}
    found: list[Finding] = []
    for schema in mapped.schemas:
        if folded(schema) in own:
            continue
        owner = next((each.name for each in modules if folded(schema) in map(folded, each.schemas)), None)
        whose = f"belongs to module '{owner}'" if owner else "belongs to no module"
        message = f"schema '{schema}' {whose}, and the map gives it to '{mapped.name}'"
        remedy = f"module '{real.name}' has: {', '.join(real.schemas)}"
        found.append(_finding("map-wrong-schema", message, mapped.place, remedy, module=real.name))
    return found


def _unknown(name: str, place: Place | None, modules: Sequence[Module]) -> Finding:
    known = [each.name for each in modules]
    remedy = did_you_mean(name, known) or f"known modules: {', '.join(sorted(known)) or 'none'}"
    return _finding("map-unknown-module", f"the map names module '{name}', which is not there", place, remedy)


def _finding(
    rule: str, message: str, place: Place | None, remedy: str, *, module: str | None = None
) -> Finding:
    return Finding(rule=rule, message=message, place=place, help=remedy, module=module)
