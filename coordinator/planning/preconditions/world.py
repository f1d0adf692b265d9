"""The target's tables on the way through a plan: what they are called now, what is new, who writes in them first."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.catalog import Address
from coordinator.model.question import ColumnThen, RowsThen
from coordinator.planning.preconditions.known import KnownTables

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from coordinator.model.catalog import Catalog
    from coordinator.model.effect import ObjectName
    from coordinator.sql.tree import Node

Table = tuple[str, str]
NO_VALUE = "NULL"  # the fill of a column that comes without a default


@dataclass(slots=True, kw_only=True)
class ColumnState:
    """A column at one moment of the plan.

    `today` is its name in the target; a column that the plan adds has none, and `fill` as the value of all rows
    that are there (empty: not known). `written` and `retyped` say who changes its values, or its type, before.
    A `generated` column follows any other.
    """

    today: str | None
    type: str = ""
    not_null: bool = False
    fill: str = ""
    written: str = ""
    retyped: str = ""
    generated: bool = False


@dataclass(slots=True, kw_only=True)
class TableState:
    """A table at one moment of the plan; `made` says which step gives it rows, where the target has no such table.

    `lessened` and `grown` say who removes rows, or adds some, before. A table that the plan makes, and
    fills with nothing but what the rehearsal fills it with, is `empty`: none of its rows is of today. When it is
    `grown` as well, it has rows of the plan's own.
    """

    schema: str
    name: str  # both as they are now, in the middle of the plan
    today: Table | None
    columns: dict[str, ColumnState] = field(default_factory=dict)
    partitioned: bool = False
    made: str = ""
    empty: bool = False
    lessened: str = ""
    grown: str = ""
    triggers: bool = False
    kin: list[TableState] = field(
        default_factory=list, repr=False, compare=False
    )  # by the plan: see `relatives`
    gone_constraints: set[str] = field(default_factory=set)
    unproved: dict[str, Node] = field(default_factory=dict)  # constraints that the plan added NOT VALID

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"

    def rows(self, needed: Collection[str], *, only: bool = False) -> RowsThen:
        """The rows of the table as it will be; for a table that is there today.

        Of its new columns only those that are needed: the types of others may not be there yet.
        """
        assert self.today is not None
        columns = tuple(
            ColumnThen(name=name, today=each.today, fill=_typed(each))
            for name, each in self.columns.items()
            if each.today or (each.fill and name in needed)
        )
        changed = any(each.today != each.name for each in columns)
        return RowsThen(
            schema=self.today[0],
            table=self.today[1],
            alias=self.name,
            only=only and not self.partitioned,
            columns=columns if changed else (),
        )


@dataclass(slots=True)
class World:
    """All that is known in the middle of the plan. Names are those that the plan has come to; `catalog` is today's."""

    catalog: Catalog
    tables: dict[Table, TableState | None] = field(default_factory=dict)  # None: dropped, or never there
    labels: dict[Table, tuple[str, ...] | None] = field(
        default_factory=dict
    )  # of enums that the plan makes or drops
    functions: set[Table] = field(default_factory=set)  # made or replaced by the plan
    types: set[Table] = field(default_factory=set)  # made, renamed or changed by the plan
    labelled: dict[Table, str] = field(
        default_factory=dict
    )  # enums whose labels the plan changes -> who does
    dropped: set[Table] = field(default_factory=set)
    gone_indexes: set[Table] = field(default_factory=set)  # dropped or renamed by the plan
    _doubts: list[tuple[frozenset[str] | None, str]] = field(default_factory=list)
    _known: KnownTables | None = None

    @property
    def known(self) -> KnownTables:
        """What the catalog says about keys between tables."""
        if self._known is None:
            self._known = KnownTables(self.catalog)
        return self._known

    def table(self, name: ObjectName) -> TableState | None:
        """The table of that name now; None for what is none, or not there."""
        key = (name.schema, name.name)
        if key not in self.tables:
            self.tables[key] = self._of_today(key)
        return self.tables[key]

    def of_today(self, key: Table) -> TableState | None:
        """The table that is called so in the target, whatever it is called now."""
        for state in self.tables.values():
            if state is not None and state.today == key:
                return state
        if key not in self.tables:
            self.tables[key] = self._of_today(key)
            return self.tables[key]
        return None

    def _of_today(self, key: Table) -> TableState | None:
        address = Address("table", *key)
        definition = self.catalog.definitions.get(address)
        if definition is None:
            return None
        state = TableState(
            schema=key[0],
            name=key[1],
            today=key,
            partitioned=any(line.startswith("partition by ") for line in definition.split("\n")),
            triggers=key in self.known.with_triggers,
        )
        for name in self.catalog.column_order.get(address, ()):
            lines = self.catalog.definitions.get(Address("column", *key, name), "").split("\n")
            state.columns[name] = ColumnState(
                today=name,
                type=lines[0],
                not_null="not null" in lines and "not null was not validated" not in lines,
                generated=any(line.startswith("generated always as (") for line in lines),
            )
        return state

    def relatives(self, table: TableState) -> tuple[TableState, ...]:
        """The tables that share rows with this one: its parents, its children, theirs, of today or by the plan."""
        found, waiting, asked = {id(table): table}, [table], set[Table]()
        while waiting:
            each = waiting.pop()
            others = list(each.kin)
            if each.today is not None and each.today not in asked:
                today = self.known.relatives(each.today)
                asked |= {each.today, *today}
                others.extend(state for key in today if (state := self.of_today(key)) is not None)
            new = {id(other): other for other in others if id(other) not in found}
            found |= new
            waiting.extend(new.values())
        return tuple(found.values())[1:]

    def has_index(self, schema: str, name: str) -> bool:
        """Whether an index of today is still there under this name."""
        return (schema, name) not in self.gone_indexes and self.known.has_index(schema, name)

    def labels_of(self, words: tuple[str, ...], schema: str) -> tuple[str, ...] | None:
        """The labels of an enum, or None when the type is none that is known."""
        key = (words[-2] if len(words) > 1 else schema, words[-1])
        return self.labels[key] if key in self.labels else self.known.labels(key)

    def doubt_everything(self, schemas: Iterable[str] | None, why: str) -> None:
        """From here on nobody knows what is in the tables of these schemas (None: of all)."""
        self._doubts.append((None if schemas is None else frozenset(schemas), why))

    def doubt(
        self,
        table: TableState,
        columns: Iterable[str] | None,
        *,
        types_matter: bool = True,
        additions_matter: bool = False,
    ) -> str:
        """Why the rows of today tell nothing about these columns then (None: about any); empty when they do."""
        if table.made:
            return f"its rows come from {table.made}"
        if table.lessened:
            return f"rows are removed first by {table.lessened}"
        if additions_matter and table.grown:
            return f"rows are added first by {table.grown}"
        schemas = {table.schema, *(table.today or ())[:1]}
        for where, why in self._doubts:
            if where is None or schemas & where:
                return why
        wanted = table.columns if columns is None else columns
        reasons = (_column_doubt(table, name, types_matter=types_matter) for name in wanted)
        return next((each for each in reasons if each), "")


def _typed(column: ColumnState) -> str:
    """The value that rows get in a new column, such that an expression over it means what it will mean."""
    return f"NULL::{column.type}" if column.fill == NO_VALUE else column.fill


def _column_doubt(table: TableState, name: str, *, types_matter: bool) -> str:
    column = table.columns.get(name)
    if column is None:
        return f"no column {name!r} of {table} is known"
    if column.written:
        return f"rows are changed first by {column.written}"
    if types_matter and column.retyped:
        return f"the type of {name!r} is changed first by {column.retyped}"
    if column.today is None and not column.fill:
        return f"the values of the new column {name!r} are computed when it is added"
    return ""
