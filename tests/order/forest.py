"""Trees given as SQL, planned as the program plans them, and the oracle that runs every order on PostgreSQL."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from psycopg.conninfo import make_conninfo

from coordinator.model.capture import Capture, Direction, Statement
from coordinator.model.module import Module
from coordinator.model.names import Place, RevisionKey
from coordinator.model.revision import ModuleTree, Revision
from coordinator.planning.planner import PlanCandidates, plan_run
from coordinator.revisions.effects import effects_of
from coordinator.sql.parser import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

Forest = dict[str, list[tuple[str, str]]]  # module -> (revision, SQL of its upgrade) in the order of its tree
Order = tuple[str, ...]  # of "module:revision"


def trees_of(forest: Forest) -> tuple[ModuleTree, ...]:
    """The forest as ModuleTrees: each module a chain, in the schema of its name."""
    trees = []
    for name, revisions in forest.items():
        chain = [
            Revision(
                key=RevisionKey(name, revision),
                place=Place(f"modules/{name}/migrations/versions/{revision}.py"),
                message=revision,
                down_revisions=(revisions[number - 1][0],) if number else (),
            )
            for number, (revision, _) in enumerate(revisions)
        ]
        module = Module(name=name, path=Path("modules") / name / "migrations", schemas=(name,))
        trees.append(ModuleTree(module=module, revisions=tuple(chain)))
    return tuple(trees)


def plan_of(forest: Forest, *, map_order: Sequence[str] = ("one", "two")) -> PlanCandidates:
    """The plans for a forest of which nothing is applied."""
    captures = {
        RevisionKey(name, revision): Capture(
            key=RevisionKey(name, revision),
            direction=Direction.UPGRADE,
            statements=tuple(Statement(sql=each.sql, line=12 + n) for n, each in enumerate(parse(sql))),
        )
        for name, revisions in forest.items()
        for revision, sql in revisions
    }
    return plan_run(
        trees=trees_of(forest),
        applied={},
        effects={key: effects_of(each, schema=key.module) for key, each in captures.items()},
        map_order=map_order,
    )


def orders_of(candidates: PlanCandidates) -> list[Order]:
    """The order of steps of each plan."""
    return [tuple(step.name for step in plan.steps) for plan in candidates.plans]


def swapped(forest: Forest) -> Forest:
    """The same trees with the names of the two modules exchanged, in the SQL too."""
    other = {"one": "two", "two": "one"}

    def exchange(sql: str) -> str:
        return sql.replace("one.", "\0.").replace("two.", "one.").replace("\0.", "two.")

    return {
        other[name]: [(revision, exchange(sql)) for revision, sql in revisions]
        for name, revisions in sorted(forest.items(), reverse=True)
    }


@dataclass(slots=True)
class Oracle:
    """Runs orders on a server whose schemas one and two are empty; everything is rolled back."""

    connection: psycopg.Connection

    def runs(self, forest: Forest, order: Sequence[str]) -> bool:
        """Whether the whole order runs."""
        sql = {f"{name}:{revision}": text for name, chain in forest.items() for revision, text in chain}
        return self._in_savepoint(lambda: all(self._execute(sql[name]) for name in order))

    def orders(self, forest: Forest) -> set[Order]:
        """Every interleaving of the trees that runs."""
        found: set[Order] = set()
        self._extend({name: list(chain) for name, chain in forest.items()}, (), found)
        return found

    def _extend(self, rest: Mapping[str, list[tuple[str, str]]], done: Order, found: set[Order]) -> None:
        if not any(rest.values()):
            found.add(done)
        for name in sorted(rest):
            if rest[name]:
                (revision, sql), *later = rest[name]
                self._step(sql, {**rest, name: later}, (*done, f"{name}:{revision}"), found)

    def _step(
        self, sql: str, rest: Mapping[str, list[tuple[str, str]]], done: Order, found: set[Order]
    ) -> None:
        def go_on() -> bool:
            if self._execute(sql):
                self._extend(rest, done, found)
            return True

        self._in_savepoint(go_on)

    def _in_savepoint(self, work: Callable[[], bool]) -> bool:
        with self.connection.transaction(force_rollback=True):
            return work()

    def _execute(self, sql: str) -> bool:
        """Whether the SQL runs; a failure leaves the transaction as it was before."""
        try:
            with self.connection.transaction():
                self.connection.execute(sql.encode())
        except psycopg.Error:
            return False
        return True


@contextmanager
def open_oracle(parameters: Mapping[str, str]) -> Iterator[Oracle]:
    """An oracle on that database."""
    with psycopg.connect(make_conninfo(**dict(parameters)), autocommit=True) as connection:
        connection.execute("CREATE SCHEMA one")
        connection.execute("CREATE SCHEMA two")
        yield Oracle(connection)
