"""What goes along with a rollback: never less than must, never more. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.model.capture import Direction
from coordinator.model.effect import LastingUse, ObjectKind, ObjectName
from coordinator.planning.applied_order import applied_order
from coordinator.planning.scope import rollback_scope
from coordinator.revisions.effects import effects_of
from tests.planning_builders import Rev, captured, key, tree

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from coordinator.model.effect import RevisionEffects
    from coordinator.model.names import RevisionKey
    from coordinator.model.rollback import Scope

MODULES = ("one", "two", "three")


def effects(texts: dict[str, str], direction: Direction) -> dict[RevisionKey, RevisionEffects]:
    return {
        key(name): effects_of(
            captured(key(name).module, Rev(key(name).revision, sql), direction), schema=key(name).module
        )
        for name, sql in texts.items()
    }


def scope_of(
    chosen: Sequence[str],
    revisions: dict[str, tuple[str, str]],
    *,
    lasting: tuple[LastingUse, ...] = (),
    requires: dict[str, tuple[str, ...]] | None = None,
) -> Scope:
    """`revisions` are "module:id" → SQL up and down, in the order in which they came in."""
    chains: dict[str, list[Rev]] = {}
    for name in revisions:
        needs = (requires or {}).get(name, ())
        chains.setdefault(key(name).module, []).append(Rev(key(name).revision, requires=needs))
    return rollback_scope(
        [key(name) for name in chosen],
        order=[key(name) for name in revisions],
        trees=[tree(module, chain) for module, chain in chains.items()],
        upgrades=effects({name: up for name, (up, _) in revisions.items()}, Direction.UPGRADE),
        downgrades=effects({name: down for name, (_, down) in revisions.items()}, Direction.DOWNGRADE),
        lasting=lasting,
    )


def names(scope: Scope) -> str:
    return " ".join(str(each) for each in scope.keys)


def test_who_reads_the_table_and_not_the_new_column_stays() -> None:
    found = scope_of(
        ["one:a2"],
        {
            "one:a1": ("create table t (id int, c int)", "drop table t"),
            "one:a2": ("alter table t add d int", "alter table t drop d"),
            "two:b1": ("create view v as select id, c from one.t", "drop view v"),
            "two:b2": ("create view w as select * from one.t", "drop view w"),
        },
    )
    assert names(found) == "two:b2 one:a2"
    assert found.dragged[0].why == "uses column 'one.t.d', which one:a2 makes"


def test_an_insert_that_names_no_columns_stands_on_all_of_them() -> None:
    revisions = {
        "one:a1": ("create table t (id int)", "drop table t"),
        "one:a2": ("alter table t add d int", "alter table t drop d"),
        "two:b1": ("insert into one.t (id) values (1)", "select 1"),
        "three:c1": ("insert into one.t values (1, 2)", "select 1"),
    }
    assert names(scope_of(["one:a2"], revisions)) == "three:c1 one:a2"


def test_a_use_means_the_version_that_was_there_then() -> None:
    revisions = {
        "one:a1": ("create table t (id int, c int)", "drop table t"),
        "two:b1": ("create table r as select c from one.t", "drop table r"),
        "one:a2": ("alter table t drop c", "alter table t add c int"),
        "one:a3": ("alter table t add c text", "alter table t drop c"),
        "three:c1": ("create table r as select c from one.t", "drop table r"),
    }
    assert names(scope_of(["one:a3"], revisions)) == "three:c1 one:a3"
    assert names(scope_of(["one:a2"], revisions)) == "three:c1 one:a3 one:a2"


def test_a_renamed_table_keeps_its_columns_makers() -> None:
    revisions = {
        "one:a1": ("create table t (id int)", "drop table t"),
        "two:b1": ("alter table one.t add x int", "alter table one.t drop x"),
        "one:a2": ("alter table t rename to u", "alter table u rename to t"),
        "three:c1": ("create view v as select x from one.u", "drop view v"),
    }
    assert names(scope_of(["two:b1"], revisions)) == "three:c1 one:a2 two:b1"
    assert names(scope_of(["one:a2"], revisions)) == "three:c1 one:a2"


def test_a_foreign_key_stands_on_the_constraint_that_makes_its_column_unique() -> None:
    revisions = {
        "one:a1": ("create table t (id int, mail text)", "drop table t"),
        "one:a2": (
            "alter table t add constraint one_mail unique (mail)",
            "alter table t drop constraint one_mail",
        ),
        "two:b1": ("create table r (mail text references one.t (mail))", "drop table r"),
    }
    assert names(scope_of(["one:a2"], revisions)) == "two:b1 one:a2"


def test_what_takes_the_name_that_a_downgrade_needs_back_goes_first() -> None:
    revisions = {
        "one:a1": ("create table t (id int)", "drop table t"),
        "one:a2": ("drop table t", "create table t (id int)"),
        "two:b1": ("create view one.t as select 1 as id", "drop view one.t"),
    }
    assert names(scope_of(["one:a2"], revisions)) == "two:b1 one:a2"


def test_what_requires_it_goes_along_though_it_uses_nothing() -> None:
    revisions = {"one:a1": ("select 1", "select 1"), "two:b1": ("select 2", "select 2")}
    found = scope_of(["one:a1"], revisions, requires={"two:b1": ("one:a1",)})
    assert names(found) == "two:b1 one:a1"
    assert found.dragged[0].why == "requires one:a1"


def test_what_only_the_catalog_shows_goes_along_too() -> None:
    """two:b1 made its view in a DO block, so its SQL tells nothing; the catalog knows whom the view reads."""
    revisions = {
        "one:a1": ("create table t (id int, c int)", "drop table t"),
        "two:b1": ("create view v as select 1 as x", "drop view v"),
    }
    view = ObjectName(ObjectKind.RELATION, "two", "v")
    uses = LastingUse(holder=view, used=ObjectName(ObjectKind.COLUMN, "one", "t", "c"))
    assert names(scope_of(["one:a1"], revisions)) == "one:a1"
    assert names(scope_of(["one:a1"], revisions, lasting=(uses,))) == "two:b1 one:a1"


def test_revisions_of_plain_alembic_stand_behind_the_makers_of_what_they_use() -> None:
    trees = [
        tree("one", [Rev("a1"), Rev("a2")]),
        tree("three", [Rev("c1")]),
        tree("two", [Rev("b1"), Rev("b2")]),
    ]
    ups = effects(
        {
            "one:a1": "create table t (id int)",
            "one:a2": "alter table t add c int",
            "two:b1": "create table r as select c from one.t",
            "two:b2": "select 1",
            "three:c1": "select 1",
        },
        Direction.UPGRADE,
    )
    order = applied_order(
        trees,
        applied={each.module.name: each.ids for each in trees},
        recorded=[key("one:a2"), key("two:b2")],
        upgrades=ups,
    )
    assert [str(each) for each in order] == ["one:a1", "three:c1", "one:a2", "two:b1", "two:b2"]


# -- never less than must, never more: against a world that is played through --


@dataclass(frozen=True)
class Move:
    """One revision of the played world: what it does, to which table and column or view."""

    module: str
    kind: str
    table: str = ""  # "schema.table"
    column: str = ""
    view: str = ""

    @property
    def up(self) -> str:
        return {
            "create": f"create table {self.table} (id int)",
            "add": f"alter table {self.table} add {self.column} int",
            "drop": f"alter table {self.table} drop {self.column}",
            "view": f"create view {self.view} as select {self.column} from {self.table}",
            "unview": f"drop view {self.view}",
            "read": f"create temp table seen as select {self.column} from {self.table}",
            "writes_back": "select 1",
        }[self.kind]

    @property
    def down(self) -> str:
        return {
            "create": f"drop table {self.table}",
            "add": f"alter table {self.table} drop {self.column}",
            "drop": f"alter table {self.table} add {self.column} int",
            "view": f"drop view {self.view}",
            "unview": f"create view {self.view} as select {self.column} from {self.table}",
            "read": "select 1",
            "writes_back": f"update {self.table} set {self.column} = 1",
        }[self.kind]


@dataclass
class World:
    """Tables with their columns, and views with what they read. A move that PostgreSQL would refuse raises KeyError.

    A column is told by the place of the move that made it: under the same name it may be another one later.
    """

    tables: dict[str, dict[str, int]] = field(default_factory=dict)
    views: dict[str, tuple[str, str]] = field(default_factory=dict)
    dropped: dict[int, int] = field(default_factory=dict, compare=False)  # by which move, which column
    meant: dict[int, int] = field(default_factory=dict, compare=False)  # which column each use meant
    written: dict[int, int | None] = field(
        default_factory=dict, compare=False
    )  # the same of uses on the way back

    def forward(self, place: int, move: Move) -> None:
        match move.kind:
            case "create":
                self._make(move.table, place)
            case "add":
                self._add(move.table, move.column, place)
            case "drop":
                self.dropped[place] = self.tables[move.table][move.column]
                self._drop(move.table, move.column)
            case "view":
                self.meant[place] = self._view(move)
            case "unview":
                self.written[place] = self.tables[move.table][move.column]
                del self.views[move.view]
            case "read":
                self.meant[place] = self.tables[move.table][move.column]
            case "writes_back":
                self.written[place] = self.tables.get(move.table, {}).get(move.column)

    def back(self, place: int, move: Move) -> None:
        match move.kind:
            case "create":
                if any(table == move.table for table, _ in self.views.values()):
                    raise KeyError(move.table)
                del self.tables[move.table]
            case "add":
                self._drop(move.table, move.column)
            case "drop":
                self._add(move.table, move.column, self.dropped[place])
            case "view":
                del self.views[move.view]
            case "unview":
                if self._view(move) != self.written[place]:
                    raise KeyError(move.column)
            case "writes_back":
                if self.tables[move.table][move.column] != self.written[place]:
                    raise KeyError(move.column)

    def _make(self, table: str, place: int) -> None:
        if table in self.tables:
            raise KeyError(table)
        self.tables[table] = {"id": place}

    def _add(self, table: str, column: str, place: int) -> None:
        if column in self.tables[table]:
            raise KeyError(column)
        self.tables[table][column] = place

    def _drop(self, table: str, column: str) -> None:
        if (table, column) in self.views.values():
            raise KeyError(column)
        del self.tables[table][column]

    def _view(self, move: Move) -> int:
        if move.view in self.views:
            raise KeyError(move.view)
        self.views[move.view] = (move.table, move.column)
        return self.tables[move.table][move.column]


def is_good(history: Sequence[Move], gone: Collection[int]) -> bool:
    """Whether these can be reversed, newest first, and the rest then looks as if they had never been."""
    world, wanted = World(), World()
    try:
        for place, move in enumerate(history):
            world.forward(place, move)
        for place in sorted(gone, reverse=True):
            world.back(place, history[place])
        left: set[str] = set()
        for place, move in enumerate(history):
            if place in gone:
                left.add(move.module)
            elif move.module in left:
                return False  # it follows in its tree what is out
            else:
                wanted.forward(place, move)
    except KeyError:
        return False
    return world == wanted and all(world.meant[place] == meant for place, meant in wanted.meant.items())


@st.composite
def histories(draw: st.DrawFn) -> list[Move]:
    """Moves that work, in the order in which they came in."""
    history: list[Move] = []
    world = World()
    for _ in range(draw(st.integers(4, 12))):
        module = draw(st.sampled_from(MODULES))
        own = sorted(each for each in world.tables if each.startswith(f"{module}."))
        columns = sorted((table, column) for table, each in world.tables.items() for column in each)
        kinds = {
            "create": [Move(module, "create", table=f"{module}.t{len(own)}")] if len(own) < 2 else [],
            "add": [Move(module, "add", table=table, column=name) for table in own for name in ("c", "d")],
            "drop": [
                Move(module, "drop", table=table, column=name)
                for table, name in columns
                if table in own and name != "id"
            ],
            "unview": [
                Move(module, "unview", table=reads[0], column=reads[1], view=view)
                for view, reads in world.views.items()
                if view.startswith(f"{module}.")
            ],
        }
        for kind in ("view", "read", "writes_back"):
            view = f"{module}.v" if kind == "view" else ""
            kinds[kind] = [
                Move(module, kind, table=table, column=name, view=view)
                for table, name in columns
                if name != "id"
            ]
        possible = draw(st.sampled_from([each for each in kinds.values() if each] or [[]]))
        if not possible:
            continue
        move = draw(st.sampled_from(possible))
        try:
            world.forward(len(history), move)
        except KeyError:
            continue
        history.append(move)
    return history


@settings(max_examples=200, deadline=None)
@given(histories(), st.data())
def test_a_scope_can_be_reversed_leaves_the_rest_whole_and_no_smaller_one_does(
    history: list[Move], data: st.DataObject
) -> None:
    chosen = data.draw(st.sets(st.sampled_from(range(len(history))), min_size=1, max_size=2))
    found = scope_of(
        [f"{history[place].module}:r{place}" for place in sorted(chosen)],
        {f"{move.module}:r{place}": (move.up, move.down) for place, move in enumerate(history)},
    )
    scope = {int(each.revision[1:]) for each in found.keys}
    assert chosen <= scope
    assert is_good(history, scope), "it can be reversed, and leaves nothing that stands on it"
    along = sorted(scope - chosen)
    for size in range(len(along)):
        for some in combinations(along, size):
            assert not is_good(history, chosen | set(some)), f"{sorted(chosen | set(some))} would be enough"
