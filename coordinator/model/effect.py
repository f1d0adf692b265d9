"""What a revision does to the objects of a database, in the order in which it does it."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.capture import Direction

if TYPE_CHECKING:
    from coordinator.model.change import DatabaseChange
    from coordinator.model.names import RevisionKey
    from coordinator.model.unique_key import UniqueKey


class ObjectKind(enum.Enum):
    """What can have versions, or hold a version of something else."""

    SCHEMA = "schema"
    RELATION = "relation"  #: table, view, materialized view, foreign table
    COLUMN = "column"
    TYPE = "type"
    LABEL = "enum label"
    FUNCTION = "function"  #: all of one name together; their arguments do not count
    CONSTRAINT = "constraint"
    INDEX = "index"
    SEQUENCE = "sequence"
    TRIGGER = "trigger"
    POLICY = "policy"
    RULE = "rule"
    DEFAULT = "default"  #: the default of a column, as the holder of what it calls


@dataclass(frozen=True, slots=True)
class ObjectName:
    """One object. `part` lies inside `name`: a table's column, constraint or trigger, an enum's label."""

    kind: ObjectKind
    schema: str
    name: str
    part: str = ""

    def __str__(self) -> str:
        return ".".join(each for each in (self.schema, self.name, self.part) if each)

    @property
    def shown(self) -> str:
        """The object for a sentence: its kind and its quoted name."""
        return f"{self.kind.value} '{self}'"

    @property
    def sorting(self) -> tuple[str, str, str, str]:
        return (self.schema, self.name, self.part, self.kind.value)

    @property
    def relation(self) -> ObjectName:
        """The relation that a column, constraint, trigger or default belongs to; others: themselves."""
        return ObjectName(ObjectKind.RELATION, self.schema, self.name) if self.part else self


class Verb(enum.Enum):
    """What is done to an object."""

    CREATE = "creates"
    DROP = "drops"
    RENAME = "renames"  #: `to` is the new name
    RETYPE = "retypes"  #: the column's type changes to `type`
    REPLACE = "replaces"  #: CREATE OR REPLACE: who uses it goes on, what it held is released
    USE = "uses"  #: for the moment of the statement
    HOLD = "holds"  #: `holder` goes on using it until it is dropped or replaced
    WRITE = "writes"  #: rows of a table; `columns` are those given a value, None when not known
    TIGHTEN = "tightens"  #: rows that were good before may be refused from here on


class Holding(enum.Enum):
    """How a holder knows what it holds."""

    FIRM = "firm"  #: by identity: PostgreSQL follows renames and refuses drops
    TEXT = "text"  #: by name, in a body that is checked when it is made
    LATE = "late"  #: by name, in a body that nobody checks before it runs (plpgsql)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One thing done to one object by the statement at `line` of the revision's file (0: not known).

    `alternatives`: an unqualified column may belong to any of these instead of `object`.
    `every`: all columns that the relation `object` has at that moment (`SELECT *`).
    `columns`: of a constraint or index the columns it stands on (it goes when they go); of WRITE see there;
    of TIGHTEN the columns that rows must now satisfy. `type`: of a column, or of the column that refers to
    this one by a foreign key; "view" of a relation that is one, "query" of a table that is made with the rows of one;
    what sort of constraint it is; "not null" of TIGHTEN where rows must have a value from here on;
    "always" of a default that is GENERATED ALWAYS; of row level security what becomes of it, which stands as a policy.
    `conditional`: IF EXISTS, IF NOT EXISTS, OR REPLACE.
    `overwrites`: of WRITE, rows that were there may be changed or removed; of RETYPE, by an expression (USING).
    `fills`: of a column that is made, rows that are there get a value in it.
    """

    verb: Verb
    object: ObjectName
    line: int = 0
    holder: ObjectName | None = None
    holding: Holding = Holding.FIRM
    to: ObjectName | None = None
    type: str | None = None
    columns: tuple[str, ...] | None = None
    alternatives: tuple[ObjectName, ...] = ()
    every: bool = False
    cascade: bool = False
    conditional: bool = False
    overwrites: bool = False
    fills: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionEffects:
    """All that one direction of a revision does, as far as its SQL tells.

    `unknown` says why this may not be all; each is a sentence with its line. It is never empty for a revision
    whose effects are not fully known. `alone` are the lines of statements that cannot share a transaction.
    `added_labels` are enum values added to a type, which cannot be used before the transaction ends.
    `temporary`: it makes temporary relations, and no effect tells what goes through them.
    """

    key: RevisionKey
    direction: Direction = Direction.UPGRADE
    effects: tuple[Effect, ...] = ()
    changes: tuple[DatabaseChange, ...] = ()
    unknown: tuple[str, ...] = ()
    alone: tuple[int, ...] = ()
    added_labels: tuple[ObjectName, ...] = ()
    temporary: bool = False

    @property
    def transactional(self) -> bool:
        """Whether it can share a transaction with other steps."""
        return not self.alone

    @property
    def adds_enum_value(self) -> bool:
        return bool(self.added_labels)

    def of(self, *verbs: Verb) -> tuple[Effect, ...]:
        """The effects with one of these verbs, in order."""
        return tuple(effect for effect in self.effects if effect.verb in verbs)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastingUse:
    """A lasting use read from a database's catalog: `holder` depends on `used` now.

    The rest is known of bodies that are text: `every` takes all columns of the relation `used` (`SELECT *`);
    `writes` changes its rows, `inserts` adds rows. `columns` are those that are then given a value; None: not known.
    `conflict` is the unique key that it relies on (ON CONFLICT). `others` are columns that an unqualified name would
    mean as well if they were there. `forces` are the columns that get a value even where PostgreSQL makes it itself.
    `arguments` are the types of what a function is given ("": not known); None: not
    how many.
    """

    holder: ObjectName
    used: ObjectName
    holding: Holding = Holding.FIRM
    every: bool = False
    writes: bool = False
    inserts: bool = False
    columns: tuple[str, ...] | None = None
    conflict: UniqueKey | None = None
    forces: tuple[str, ...] = ()
    others: tuple[ObjectName, ...] = ()
    arguments: tuple[str, ...] | None = None
