"""Who uses what a branch changes, and what becomes of them."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.model.effect import Holding, ObjectKind

if TYPE_CHECKING:
    from coordinator.model.beside import Beside
    from coordinator.model.change import DatabaseChange
    from coordinator.model.effect import ObjectName
    from coordinator.model.names import Place, RevisionKey
    from coordinator.model.unique_key import UniqueKey


class Verdict(enum.Enum):
    """What becomes of a consumer. `SAFE < DEGRADES < BREAKS`."""

    SAFE = "safe"  #: it goes on as it is
    DEGRADES = "degrades"  #: it may go on, and gives something else, slower, or an error in some cases
    BREAKS = "breaks"  #: it fails, or PostgreSQL refuses the change because of it

    def __lt__(self, other: Verdict) -> bool:
        order = list(Verdict)
        return order.index(self) < order.index(other)


class ConsumerKind(enum.Enum):
    """What uses an object, as it is called in reports."""

    FOREIGN_KEY = "foreign key"
    VIEW = "view"
    FUNCTION = "function"
    TRIGGER = "trigger"
    POLICY = "policy"
    RULE = "rule"
    CONSTRAINT = "constraint"
    GENERATED = "generated column"
    DEFAULT = "default"
    INDEX = "index"
    TABLE = "table"  #: a partition, or a table with a column of the type
    REVISION = "revision"
    MAP = "map"  #: an entry of the database map
    CODE = "code"
    STATEMENT = "statement"  #: seen at work in the database: pg_stat_statements

    @property
    def in_database(self) -> bool:
        """Whether it is an object of the database."""
        return self not in {
            ConsumerKind.REVISION,
            ConsumerKind.MAP,
            ConsumerKind.CODE,
            ConsumerKind.STATEMENT,
        }


SPEAKS_OF = (
    "speaks of "  # begins the sentence about a line of the map that names a consumer which is told anyway
)


class Evidence(enum.Enum):
    """How it is known that a consumer uses the object. `EXACT` first."""

    EXACT = (
        "exact"  #: PostgreSQL's catalog, or SQL and Python that were parsed, with table and column resolved
    )
    DECLARED = "declared"  #: people wrote it into the map
    NAME = "by name"  #: words that look like it stand near each other


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One object that a consumer uses, and how.

    `every`: all columns that the relation has. `writes`: its rows are changed, `inserts`: rows are added; then `columns`
    are those given a value (None: not known), `by_position` says that the order of columns counts. `conflict`: it
    relies on such a unique key (ON CONFLICT). `others` are columns of other relations that the same
    unqualified name would mean if they were there. `computed`: it does more with the value than read, write or
    compare it. `forces` are the columns that get a value even where PostgreSQL makes it itself. `arguments` are the types
    of what a function is given ("": not known); None: not how many.
    """

    object: ObjectName
    holding: Holding = Holding.LATE
    every: bool = False
    writes: bool = False
    inserts: bool = False
    columns: tuple[str, ...] | None = None
    by_position: bool = False
    conflict: UniqueKey | None = None
    forces: tuple[str, ...] = ()
    others: tuple[ObjectName, ...] = ()
    arguments: tuple[str, ...] | None = None
    computed: bool = True

    @property
    def relation(self) -> tuple[str, str] | None:
        """Schema and name of the relation that this is, or belongs to."""
        if self.object.kind in _IN_RELATION:
            return self.object.schema, self.object.name
        return None


_IN_RELATION = frozenset(
    {ObjectKind.RELATION, ObjectKind.COLUMN, ObjectKind.CONSTRAINT, ObjectKind.TRIGGER, ObjectKind.POLICY}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumption:
    """One thing that uses objects of the database: a view, a statement in somebody's code, a line of the map.

    `holder` is the object of the database that it is. `place` is a file with its line, or the object's name. `constants`
    are the literal texts in it, `compared` pairs of columns that it compares, or a column and what stands beside it. `since` is
    the pending revision that will make it, None: it is there. `calls` and `role` are of a live statement. `path` is
    the file from the top of its repository, for CODEOWNERS.
    """

    kind: ConsumerKind
    name: str
    module: str | None
    place: str
    usages: tuple[Usage, ...]
    evidence: Evidence = Evidence.EXACT
    holder: ObjectName | None = None
    constants: frozenset[str] = frozenset()
    compared: tuple[tuple[ObjectName, ObjectName | Beside], ...] = ()
    since: RevisionKey | None = None
    calls: int | None = None
    role: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Consumer:
    """What becomes of one consumer of one change. `uses` names the object that it uses, `why` is one sentence.

    `through` is an object that breaks itself: the consumer uses that, and nothing of what changes.
    """

    kind: ConsumerKind
    name: str
    module: str | None
    place: str
    uses: str
    verdict: Verdict
    why: str
    evidence: Evidence = Evidence.EXACT
    through: str | None = None
    calls: int | None = None
    role: str | None = None
    file: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeImpact:
    """One change with everything that uses what it changes, the worst first."""

    change: DatabaseChange
    revision: RevisionKey
    place: Place
    consumers: tuple[Consumer, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of its consumers'; SAFE without any."""
        return max((each.verdict for each in self.consumers), default=Verdict.SAFE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShipFirst:
    """A revision of another module that must be in before this branch's can come in."""

    revision: RevisionKey
    why: str
    place: Place | None = None
    direct: bool = True  # False: it is needed by one that is needed


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerToAsk:
    """A module whose consumers break or degrade, and who answers for it."""

    module: str
    owner: str | None  # as the map names it
    code_owners: tuple[str, ...] = ()  # of the files named, by CODEOWNERS
    breaks: int = 0
    degrades: int = 0


class Stage(enum.Enum):
    """The three revisions of a change that breaks nobody."""

    EXPAND = "expand"
    MOVE = "move readers"
    CONTRACT = "contract"


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOutStep:
    """One revision to write: in which module, what it does, and the body of its two functions to paste.

    `code` is empty for a step that is no revision (code that moves to the new name); `places` are what it moves.
    """

    stage: Stage
    module: str
    what: str
    code: str = ""
    places: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """How to reach the same end so that nobody breaks."""

    change: str  # the change's description
    steps: tuple[WayOutStep, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImpactReport:
    """Everything that `migrate impact` has found.

    `since` says in words what counts as added, `baseline` where the rest was read from. `not_known` are sentences
    about what could not be seen; `notes` about what is worth knowing besides.
    """

    module: str
    since: str
    baseline: str
    revisions: tuple[RevisionKey, ...] = ()
    changes: tuple[ChangeImpact, ...] = ()
    ship_first: tuple[ShipFirst, ...] = ()
    owners: tuple[OwnerToAsk, ...] = ()
    way_out: tuple[WayOut, ...] = ()
    not_known: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of all changes'."""
        return max((each.verdict for each in self.changes), default=Verdict.SAFE)

    @property
    def affected_modules(self) -> tuple[str, ...]:
        """Other modules with a consumer that breaks or degrades, by name."""
        return tuple(
            sorted(
                {
                    each.module
                    for change in self.changes
                    for each in change.consumers
                    if each.module is not None
                    and each.module != self.module
                    and each.verdict is not Verdict.SAFE
                }
            )
        )

    def count(self, verdict: Verdict) -> int:
        """How many different consumers have that verdict as their worst; lines of the map only speak of others."""
        worst: dict[tuple[str, str], Verdict] = {}
        for change in self.changes:
            for each in change.consumers:
                if each.kind is ConsumerKind.MAP and each.why.startswith(SPEAKS_OF):
                    continue
                key = (each.kind.value, f"{each.place} {each.name}")
                worst[key] = max(each.verdict, worst.get(key, Verdict.SAFE))
        return sum(1 for each in worst.values() if each is verdict)
