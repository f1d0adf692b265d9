"""What a database contains, as values that can be compared: definitions, fingerprints, differences."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

LEDGER_SCHEMA = "migrate"  # the ledger's own schema is never part of a catalog that was not asked for it
DATABASE_WIDE = (
    ""  # the schema in the address of what has none: extensions, event triggers, casts, publications
)

# An address of these kinds carries its relation's name; what stands in `part` belongs to that relation.
RELATION_KINDS = frozenset({"table", "foreign table", "view", "materialized view"})
PART_KINDS = frozenset({"column", "constraint", "index", "trigger", "rule", "policy", "grants on column"})


class Address(NamedTuple):
    """The name of one object. A tuple, because a catalog holds thousands and hashing must be fast.

    `part` is the column, constraint, index … of the relation `name`, or the argument types of a function.
    """

    kind: str
    schema: str
    name: str
    part: str = ""

    def __str__(self) -> str:
        if self.kind in {"function", "procedure", "aggregate", "grants on function"}:
            return f"{self.kind} {self.schema}.{self.name}({self.part})"
        return f"{self.kind} {'.'.join(filter(None, (self.schema, self.name, self.part)))}"

    @property
    def is_relation(self) -> bool:
        """Whether this is a table, a view or the like, and no part of one."""
        return self.kind in RELATION_KINDS

    @property
    def relation(self) -> tuple[str, str] | None:
        """Schema and name of the relation that this is, or is a part of."""
        owned = self.is_relation or self.kind in PART_KINDS or self.kind == "grants on table"
        return (self.schema, self.name) if owned else None


def without_parts(addresses: Collection[Address]) -> tuple[Address, ...]:
    """The addresses, sorted, without parts of those relations that are among them."""
    whole = {each.relation for each in addresses if each.is_relation}
    return tuple(sorted(each for each in addresses if each.is_relation or each.relation not in whole))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangedObject:
    """One object whose definition is another one than before.

    `rewritten` is false when no catalog row of the object itself was written: it only mentions a name that
    somebody changed elsewhere, such as a view over a renamed column.
    """

    address: Address
    before: str
    after: str
    rewritten: bool = True

    @property
    def lines(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """The lines of the definition that went, and those that came."""
        before, after = self.before.split("\n"), self.after.split("\n")
        return tuple(each for each in before if each not in after), tuple(
            each for each in after if each not in before
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CatalogDifference:
    """What came, what went and what is another one; each sorted by address.

    `column_order_changed` names tables whose common columns stand in another order: the milder difference,
    which `bool()` of this value does not count.
    """

    created: tuple[Address, ...] = ()
    dropped: tuple[Address, ...] = ()
    changed: tuple[ChangedObject, ...] = ()
    column_order_changed: tuple[Address, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.created or self.dropped or self.changed)

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Everything that came, went or was written to; not what only mentions a changed name."""
        written = (each.address for each in self.changed if each.rewritten)
        return tuple(sorted({*self.created, *self.dropped, *written}))

    @property
    def relations(self) -> tuple[tuple[str, str], ...]:
        """Schema and name of each relation that came, went, or of which something was written."""
        return tuple(sorted({each.relation for each in self.addresses if each.relation is not None}))

    def sentences(self) -> tuple[str, ...]:
        """One line for each difference, for people; of a relation that came or went, one line in all."""
        return (
            *(f"{each} was not there before" for each in without_parts(self.created)),
            *(f"{each} is gone" for each in without_parts(self.dropped)),
            *(_sentence(each) for each in self.changed),
            *(f"the columns of {each} stand in another order" for each in self.column_order_changed),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """The definitions of a database's objects at one moment; see docs/fingerprint.md for what is in it.

    `column_order` holds the columns of each relation as they stand. `versions` tells which catalog rows
    a definition was read from, and `numbers` which number each column has (it keeps it under another name, and one
    that is made anew gets another) and of a composite type how many of its attributes were dropped; neither takes
    part in any comparison.
    """

    definitions: Mapping[Address, str]
    column_order: Mapping[Address, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    versions: Mapping[Address, str] = field(
        default_factory=lambda: MappingProxyType({}), compare=False, repr=False
    )
    numbers: Mapping[Address, int] = field(
        default_factory=lambda: MappingProxyType({}), compare=False, repr=False
    )

    @property
    def fingerprint(self) -> str:
        """SHA-256 over every address and definition, in hex. Computed at each call: 1 µs an object."""
        return _digest((*address, text) for address, text in sorted(self.definitions.items()))

    @property
    def column_order_fingerprint(self) -> str:
        """SHA-256 over the order of columns of every relation, in hex."""
        return _digest((*address, *columns) for address, columns in sorted(self.column_order.items()))

    def difference(self, before: Catalog) -> CatalogDifference:
        """What happened since `before`."""
        here, there = self.definitions, before.definitions
        created = [address for address in here if address not in there]
        dropped = [address for address in there if address not in here]
        changed = [address for address, text in here.items() if there.get(address, text) != text]
        return CatalogDifference(
            created=tuple(sorted(created)),
            dropped=tuple(sorted(dropped)),
            changed=tuple(self._changed(each, before) for each in sorted(changed)),
            column_order_changed=self._reordered(before),
        )

    def in_schemas(self, schemas: Collection[str]) -> Catalog:
        """Only what lies in these schemas; add DATABASE_WIDE for what lies in none."""
        return self.where(lambda address: address.schema in schemas)

    def where(self, wanted: Callable[[Address], bool]) -> Catalog:
        """Only the objects whose address is wanted."""
        return Catalog(
            definitions=MappingProxyType({k: v for k, v in self.definitions.items() if wanted(k)}),
            column_order=MappingProxyType({k: v for k, v in self.column_order.items() if wanted(k)}),
            versions=MappingProxyType({k: v for k, v in self.versions.items() if wanted(k)}),
            numbers=MappingProxyType({k: v for k, v in self.numbers.items() if wanted(k)}),
        )

    def _changed(self, address: Address, before: Catalog) -> ChangedObject:
        here, there = self.versions.get(address), before.versions.get(address)
        return ChangedObject(
            address=address,
            before=before.definitions[address],
            after=self.definitions[address],
            rewritten=here is None or here != there,
        )

    def _reordered(self, before: Catalog) -> tuple[Address, ...]:
        here, there = self.column_order, before.column_order
        differing = (each for each, columns in here.items() if there.get(each, columns) != columns)
        return tuple(
            each
            for each in sorted(differing)
            if _common(here[each], there[each]) != _common(there[each], here[each])
        )


def _common(columns: tuple[str, ...], others: tuple[str, ...]) -> list[str]:
    return [each for each in columns if each in others]


def _digest(rows: Iterable[tuple[str, ...]]) -> str:
    # NUL cannot stand in a PostgreSQL text, so no two different lists of texts give the same bytes.
    text = "\0\0".join("\0".join(row) for row in rows)
    return hashlib.sha256(text.encode()).hexdigest()


def _sentence(change: ChangedObject) -> str:
    went, came = change.lines
    if not went:
        return f"{change.address} now has {_shown(came)}"
    if not came:
        return f"{change.address} no longer has {_shown(went)}"
    return f"{change.address} had {_shown(went)} and now has {_shown(came)}"


def _shown(lines: tuple[str, ...]) -> str:
    text = ", ".join(f"“{' '.join(line.split())}”" for line in lines)
    return text if len(text) <= 200 else f"{text[:199]}…"
