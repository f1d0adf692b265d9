"""What a step touched, in the terms in which checks ask for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.catalog import DATABASE_WIDE, without_parts

if TYPE_CHECKING:
    from coordinator.model.catalog import Address, Catalog, CatalogDifference
    from coordinator.model.check import StepFacts

_ANYTHING_WIDE = "database"  # in `touches`: what lies in no schema


def touched_relations(facts: StepFacts, difference: CatalogDifference) -> frozenset[tuple[str, str]]:
    """Schema and name of the relations whose definition or rows the step wrote."""
    rows = ((each.schema, each.name) for each in facts.written or ())
    return frozenset((*difference.relations, *rows))


def own_schemas(facts: StepFacts) -> frozenset[str]:
    """The schemas that the step may change: its module's, and those that its revision says it touches."""
    touches = set(facts.step.touches)
    declared = {
        schema for module in facts.modules if module.name in touches for schema in module.schemas
    } | touches
    wide = {DATABASE_WIDE} if _ANYTHING_WIDE in touches else set()
    return frozenset({*facts.module.schemas, *declared, *wide})


def abroad(
    facts: StepFacts, before: Catalog, after: Catalog
) -> tuple[tuple[Address, ...], tuple[Address, ...], tuple[Address, ...]]:
    """What was created, dropped and changed outside of the step's own schemas; no parts of a whole that is told.

    What PostgreSQL merely writes otherwise, since a name in it has changed, was not touched: its catalog row is
    the same as before.
    """
    own = own_schemas(facts)
    difference = after.difference(before)
    created = {each for each in difference.created if each.schema not in own}
    dropped = {each for each in difference.dropped if each.schema not in own}
    kept = _rows(before, dropped) & _rows(after, created)
    created = {each for each in created if (each.kind, after.versions.get(each)) not in kept}
    dropped = {each for each in dropped if (each.kind, before.versions.get(each)) not in kept}
    changed = (
        each.address for each in difference.changed if each.rewritten and each.address.schema not in own
    )
    return without_parts(created), without_parts(dropped), tuple(changed)


def _rows(catalog: Catalog, addresses: set[Address]) -> set[tuple[str, str | None]]:
    """The catalog rows behind the addresses: one that was there and is there now only has another name."""
    return {(each.kind, catalog.versions[each]) for each in addresses if each in catalog.versions}
