"""What the target's catalog says about keys, triggers, enums and partitions, read from its texts when it is needed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.catalog import Address
from coordinator.sql.nodes import strings, unwrap, word
from coordinator.sql.parser import parse
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Collection

    from coordinator.model.catalog import Catalog
    from coordinator.sql.tree import Node

Table = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignKey:
    """A foreign key of today. The actions are PostgreSQL's letters: `a` and `r` refuse, the others change rows."""

    name: str
    child: Table
    columns: tuple[str, ...]
    parent: Table
    parent_columns: tuple[str, ...]
    on_delete: str
    on_update: str
    deferrable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PartitionKey:
    """How a table is partitioned: `l`, `r` or `h`, and its columns (empty where one is an expression)."""

    strategy: str
    columns: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Domain:
    """A domain of today: whether it gives new columns a value, and whether it refuses to have none."""

    has_default: bool
    not_null: bool


@dataclass(slots=True)
class KnownTables:
    """Reads a catalog's definitions. They are the server's own words, with every name qualified."""

    catalog: Catalog
    _keys: tuple[ForeignKey, ...] | None = None
    _triggers: frozenset[Table] | None = None
    _functions: frozenset[Table] | None = None
    _related: dict[Table, set[Table]] | None = None
    _labels: dict[Table, tuple[str, ...] | None] = field(default_factory=dict)

    @property
    def with_triggers(self) -> frozenset[Table]:
        """Tables with triggers of their own: a write to them may write anywhere."""
        if self._triggers is None:
            self._triggers = frozenset(
                (each.schema, each.name) for each in self.catalog.definitions if each.kind == "trigger"
            )
        return self._triggers

    @property
    def functions(self) -> frozenset[Table]:
        """All functions, those of one name together."""
        if self._functions is None:
            self._functions = frozenset(
                (each.schema, each.name) for each in self.catalog.definitions if each.kind == "function"
            )
        return self._functions

    @property
    def foreign_keys(self) -> tuple[ForeignKey, ...]:
        """All foreign keys."""
        if self._keys is None:
            found = (
                self._foreign_key(address, text)
                for address, text in self.catalog.definitions.items()
                if address.kind == "constraint" and text.startswith("FOREIGN KEY")
            )
            self._keys = tuple(each for each in found if each is not None)
        return self._keys

    def keys_to(self, parent: Table) -> tuple[ForeignKey, ...]:
        """The foreign keys that point at a table."""
        return tuple(each for each in self.foreign_keys if each.parent == parent)

    def _foreign_key(self, address: Address, text: str) -> ForeignKey | None:
        node = constraint_of(text)
        if node is None:
            return None
        parent = (node.pktable.schemaname, node.pktable.relname)
        return ForeignKey(
            name=address.part,
            child=(address.schema, address.name),
            columns=strings(node.fk_attrs),
            parent=parent,
            parent_columns=strings(node.pk_attrs) or self.primary_key(parent) or (),
            on_delete=node.fk_del_action,
            on_update=node.fk_upd_action,
            deferrable=node.deferrable,
        )

    def primary_key(self, table: Table, gone: Collection[str] = ()) -> tuple[str, ...] | None:
        """The columns of a table's primary key, or None; also when it is among the constraints that are `gone`."""
        for address, text in self.catalog.definitions.items():
            if address.kind == "constraint" and address[1:3] == table and text.startswith("PRIMARY KEY"):
                if address.part in gone:
                    return None
                node = constraint_of(text)
                return None if node is None else strings(node.keys)
        return None

    def constraint(self, table: Table, name: str) -> Node | None:
        """The constraint of that name as a tree, or None; one that is there is validated or says NOT VALID."""
        text = self.catalog.definitions.get(Address("constraint", *table, name))
        return None if text is None else constraint_of(text)

    def index_columns(self, table: Table, name: str) -> tuple[str, ...] | None:
        """The columns of an index, or None when it is not known or has expressions."""
        text = self.catalog.definitions.get(Address("index", *table, name))
        tree = _first(text.partition("\n")[0]) if text else None
        if tree is None:
            return None
        names = tuple(each.index_elem.name for each in tree.index_params)
        return names if all(names) else None

    def has_index(self, schema: str, name: str) -> bool:
        """Whether there is an index of that name."""
        return any(
            each.kind == "index" and (each.schema, each.part) == (schema, name)
            for each in self.catalog.definitions
        )

    def labels(self, enum: Table) -> tuple[str, ...] | None:
        """The labels of an enum, or None when there is none of that name."""
        if enum not in self._labels:
            text = self.catalog.definitions.get(Address("enum", *enum))
            self._labels[enum] = None if text is None else _read_labels(text)
        return self._labels[enum]

    def domain(self, name: Table) -> Domain | None:
        """The domain of that name, or None."""
        text = self.catalog.definitions.get(Address("domain", *name))
        if text is None:
            return None
        lines = text.split("\n")
        return Domain(
            has_default=any(each.startswith("default ") for each in lines), not_null="not null" in lines
        )

    def columns_of_domain(self, domain: Table) -> tuple[tuple[Table, str], ...]:
        """Tables and columns whose type is this domain."""
        return tuple(
            ((each.schema, each.name), each.part)
            for each, text in sorted(self.catalog.definitions.items())
            if each.kind == "column"
            and names_type(text.partition("\n")[0], domain)
            and Address("table", each.schema, each.name) in self.catalog.definitions
        )

    def domain_check(self, domain: Table, name: str) -> Node | None:
        """The constraint of that name of a domain as a tree, or None."""
        for line in self.catalog.definitions.get(Address("domain", *domain), "").split("\n"):
            tree = _first(f"ALTER DOMAIN x ADD {line}") if line.startswith("constraint ") else None
            if tree is not None and getattr(tree, "def").constraint.conname == name:
                return getattr(tree, "def").constraint
        return None

    def partition_key(self, table: Table) -> PartitionKey | None:
        """How the table is partitioned, or None."""
        for line in self.catalog.definitions.get(Address("table", *table), "").split("\n"):
            if line.startswith("partition by "):
                return partition_key_of(f"CREATE TABLE x () {line}")
        return None

    def default_partition(self, table: Table) -> Table | None:
        """The default partition of a table, or None."""
        for address, text in self.catalog.definitions.items():
            lines = text.split("\n") if address.kind == "table" else ()
            if "DEFAULT" in lines and table in parents_in(text):
                return address.schema, address.name
        return None

    def relatives(self, table: Table) -> frozenset[Table]:
        """The tables that share rows with this one: its parents, its children, theirs, and so on."""
        if self._related is None:
            self._related = {}
            for address, text in self.catalog.definitions.items():
                for parent in parents_in(text) if address.kind == "table" else ():
                    child = (address.schema, address.name)
                    self._related.setdefault(child, set()).add(parent)
                    self._related.setdefault(parent, set()).add(child)
        found, waiting = {table}, [table]
        while waiting:
            new = self._related.get(waiting.pop(), set()) - found
            found |= new
            waiting.extend(new)
        return frozenset(found - {table})


def constraint_of(definition: str) -> Node | None:
    """A constraint's definition, as the server prints it, as a tree."""
    first = definition.partition("\n")[0]
    tree = _first(f"ALTER TABLE x ADD {definition}") or _first(f"ALTER TABLE x ADD {first}")
    return None if tree is None else unwrap(getattr(tree.cmds[0].alter_table_cmd, "def"))


def partition_key_of(text: str) -> PartitionKey | None:
    """The partition key of a CREATE TABLE command's text."""
    tree = _first(text)
    if tree is None or not tree.HasField("partspec"):
        return None
    names = tuple(each.partition_elem.name for each in tree.partspec.part_params)
    strategy = word(tree.partspec, "strategy").removeprefix("PARTITION_STRATEGY_")[0].lower()
    return PartitionKey(strategy=strategy, columns=names if all(names) else ())


def _first(text: str) -> Node | None:
    try:
        return parse(text)[0].node
    except (SqlSyntaxError, IndexError):
        return None  # younger than our grammar: then it is not known


def names_type(text: str, wanted: Table) -> bool:
    """Whether a type as the server prints it is this one, and no array of it."""
    if wanted[1] not in text or text.endswith("]"):
        return False
    tree = _first(f"SELECT NULL::{text}")
    return (
        tree is not None and strings(tree.target_list[0].res_target.val.type_cast.type_name.names) == wanted
    )


def parents_in(definition: str) -> tuple[Table, ...]:
    """The tables that a table inherits from, or is a partition of."""
    for line in definition.split("\n"):
        if line.startswith("child of "):
            tree = _first(f"SELECT FROM {line.removeprefix('child of ')}")
            return tuple(
                (each.range_var.schemaname, each.range_var.relname)
                for each in (tree.from_clause if tree is not None else ())
            )
    return ()


def _read_labels(text: str) -> tuple[str, ...]:
    lines = [line.removeprefix("label ") for line in text.split("\n") if line.startswith("label ")]
    tree = _first(f"SELECT {', '.join(lines)}") if lines else None
    return () if tree is None else tuple(each.res_target.val.a_const.sval.sval for each in tree.target_list)
