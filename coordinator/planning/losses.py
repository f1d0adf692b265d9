"""What steps destroy of what is there: from their SQL, their rehearsal and the catalog. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from coordinator.model.catalog import Address
from coordinator.model.effect import ObjectKind, Verb
from coordinator.model.kept import Loss, LossKind
from coordinator.planning.hidden_writes import writes_besides
from coordinator.planning.holders import partitioned
from coordinator.planning.kin import kin_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import Effect, ObjectName, RevisionEffects

# Types whose every value the other type holds and prints alike; a column that goes from one to the other loses nothing.
_WIDER = {
    "smallint": frozenset({"int4", "int8", "integer", "bigint"}),
    "integer": frozenset({"int8", "bigint"}),
    "character varying": frozenset({"text"}),
}

_Table = tuple[str, str]
_Column = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """What a step destroys, one loss for each table and kind, sorted; all names are those of the catalog.

    `harmless` are tables in whose rows only such columns get values as were made meanwhile, and their partitions.
    `computed` are columns whose values are made anew as they get a type, which may be the one that they have.
    """

    losses: tuple[Loss, ...] = ()
    harmless: frozenset[_Table] = frozenset()
    computed: frozenset[_Column] = frozenset()


def losses_of(effects: RevisionEffects | None, gone: Collection[Address], before: Catalog) -> Losses:
    """What one step destroys; `before` is the catalog right before it.

    `gone` are tables and columns that it dropped in its rehearsal, or when it was tried, renamed ones among them.
    """
    return LossReader(before).step(effects, gone)


def merged(losses: Iterable[Loss]) -> tuple[Loss, ...]:
    """One loss for each table and kind; a dropped table's columns and rows go with it, once."""
    groups: dict[tuple[_Table, str], list[Loss]] = {}
    for loss in losses:
        groups.setdefault((loss.relation, loss.kind.value), []).append(loss)
    dropped = {relation for relation, kind in groups if kind == LossKind.TABLE.value}
    return tuple(
        _joined(groups[relation, kind])
        for relation, kind in sorted(groups)
        if kind == LossKind.TABLE.value or relation not in dropped
    )


def _joined(losses: list[Loss]) -> Loss:
    """Losses of one kind in one table as one; without columns one of them means all."""
    whole = any(not each.columns for each in losses)
    columns = () if whole else tuple(sorted({name for each in losses for name in each.columns}))
    return replace(losses[0], columns=columns)


def loses_by_type(before: str, after: str) -> bool:
    """Whether a column's definition has got another type, and not one that only holds more."""
    old, new = (text.partition("\n")[0] for text in (before, after))
    return old != new and new.partition("(")[0] not in _WIDER.get(old.partition("(")[0], frozenset())


@dataclass(slots=True)
class LossReader:
    """Reads steps in the order in which they run, following renames back to the names in `catalog`."""

    catalog: Catalog
    _found: list[Loss] = field(default_factory=list)
    _tables: dict[_Table, _Table | None] = field(
        default_factory=dict
    )  # name now -> in the catalog; None: new
    _columns: dict[_Column, str | None] = field(
        default_factory=dict
    )  # (table in the catalog, name now) -> there
    _renamed: set[Address] = field(default_factory=set)
    _written: set[_Table] = field(default_factory=set)
    _computed: set[_Column] = field(default_factory=set)

    def step(self, effects: RevisionEffects | None, gone: Collection[Address]) -> Losses:
        """What the next step destroys."""
        self._found, self._renamed, self._written, self._computed = [], set(), set(), set()
        was_gone = [found for each in gone if (found := self._address(each)) is not None]
        for effect in effects.effects if effects is not None else ():
            self._read(effect)
        for address in was_gone:
            self._is_gone(address)
        losses = merged(self._found)
        hurt = {each.relation for each in losses if each.kind is not LossKind.COLUMNS}
        return Losses(
            losses=losses,
            harmless=self._with_partitions(self._written - hurt) - hurt,
            computed=frozenset(self._computed),
        )

    def _read(self, effect: Effect) -> None:
        name = effect.object
        match name.kind:
            case ObjectKind.RELATION:
                self._read_table(effect)
            case ObjectKind.COLUMN:
                self._read_column(effect)
            case ObjectKind.SCHEMA if effect.verb is Verb.DROP:
                self._drop_schema(name.schema)
            case _:
                pass

    def _read_table(self, effect: Effect) -> None:
        name = effect.object
        match effect.verb:
            case Verb.CREATE if not effect.conditional:
                self._tables[name.schema, name.name] = None
            case Verb.RENAME:
                self._rename_table(effect)
            case Verb.DROP:
                self._drop_table(self._table(name))
            case Verb.WRITE if effect.overwrites:
                self._write(effect)
            case _:
                pass

    def _read_column(self, effect: Effect) -> None:
        match effect.verb:
            case Verb.CREATE:
                self._create_column(effect)
            case Verb.RENAME:
                self._rename_column(effect)
            case Verb.DROP:
                self._lose_column(self._column(effect.object))
            case Verb.RETYPE if not self._only_widens(effect):
                column = self._column(effect.object)
                self._lose_column(column)
                if column is not None and effect.overwrites:
                    self._computed.add(column)
            case _:
                pass

    def _address(self, address: Address) -> Address | None:
        """A table's or column's address in the catalog; None when it was made meanwhile."""
        table = self._tables.get((address.schema, address.name), (address.schema, address.name))
        if table is None:
            return None
        part = self._columns.get((*table, address.part), address.part) if address.part else ""
        return None if part is None else Address(address.kind, *table, part)

    def _is_gone(self, address: Address) -> None:
        """A table or column that the rehearsal saw go."""
        if address in self._renamed:
            return
        if address.kind == "table":
            self._drop_table((address.schema, address.name))
        elif address.kind == "column":
            self._lose_column((address.schema, address.name, address.part))

    def _table(self, name: ObjectName) -> _Table | None:
        now = name.schema, name.name
        return self._tables.get(now, now)

    def _column(self, name: ObjectName) -> _Column | None:
        table = self._table(name)
        if table is None:
            return None
        part = self._columns.get((*table, name.part), name.part)
        return None if part is None else (*table, part)

    def _create_column(self, effect: Effect) -> None:
        table = self._table(effect.object)
        if table is not None and not effect.conditional:
            self._columns[*table, effect.object.part] = None

    def _rename_column(self, effect: Effect) -> None:
        column, table = self._column(effect.object), self._table(effect.object)
        if table is None or effect.to is None:
            return
        self._columns[*table, effect.to.part] = None if column is None else column[2]
        if column is not None:
            self._renamed.add(Address("column", *column))

    def _rename_table(self, effect: Effect) -> None:
        table = self._table(effect.object)
        if effect.to is None:
            return
        self._tables[effect.to.schema, effect.to.name] = table
        if table is not None:
            self._renamed.add(Address("table", *table))
            self._renamed.update(self._columns_of(table))

    def _columns_of(self, table: _Table) -> tuple[Address, ...]:
        return tuple(
            each for each in self.catalog.definitions if each.kind == "column" and each[1:3] == table
        )

    def _with_partitions(self, tables: set[_Table]) -> frozenset[_Table]:
        """These, and those that the rows of the partitioned ones are in."""
        of_partitions = tables & partitioned(self.catalog) if tables else frozenset()
        below = kin_in(self.catalog).below(of_partitions) if of_partitions else frozenset()
        return below.union(tables)

    def _is_table(self, table: _Table) -> bool:
        return Address("table", *table) in self.catalog.definitions

    def _drop_table(self, table: _Table | None) -> None:
        if table is not None and self._is_table(table):
            self._found.append(Loss(kind=LossKind.TABLE, schema=table[0], table=table[1]))

    def _drop_schema(self, schema: str) -> None:
        for each in self.catalog.definitions:
            if each.kind == "table" and each.schema == schema:
                self._drop_table((each.schema, each.name))

    def _lose_column(self, column: _Column | None) -> None:
        if column is None or not self._is_table(column[:2]):
            return
        if Address("column", *column) in self.catalog.definitions:
            self._found.append(
                Loss(kind=LossKind.COLUMNS, schema=column[0], table=column[1], columns=column[2:])
            )

    def _only_widens(self, effect: Effect) -> bool:
        column = self._column(effect.object)
        if column is None or effect.overwrites or effect.type is None:
            return False
        return not loses_by_type(self.catalog.definitions.get(Address("column", *column), ""), effect.type)

    def _write(self, effect: Effect) -> None:
        table = self._table(effect.object)
        if table is None or not self._is_table(table):
            return
        self._written.add(table)
        # What runs at an update may write whatever it likes in the row.
        whole = not effect.columns or writes_besides(self.catalog, {table: {"UPDATE"}})
        columns = () if whole else self._written_columns(table, effect.columns or ())
        if columns or whole:
            self._found.append(Loss(kind=LossKind.ROWS, schema=table[0], table=table[1], columns=columns))

    def _written_columns(self, table: _Table, names: tuple[str, ...]) -> tuple[str, ...]:
        """Those of the columns that are in the catalog."""
        known = (self._columns.get((*table, each), each) for each in names)
        there = {
            each
            for each in known
            if each is not None and Address("column", *table, each) in self.catalog.definitions
        }
        return tuple(sorted(there))
