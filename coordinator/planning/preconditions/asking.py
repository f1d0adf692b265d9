"""What each kind of demand is told about the statement that makes it, and where it leaves its question."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from coordinator.model.names import Place
from coordinator.model.precondition import Precondition
from coordinator.planning.preconditions.calls import functions_called, types_named
from coordinator.sql.namespace import type_words
from coordinator.sql.nodes import children, name_of, strings, unwrap

if TYPE_CHECKING:
    from coordinator.model.effect import ObjectName
    from coordinator.model.plan import Step
    from coordinator.model.precondition import PreconditionKind
    from coordinator.model.question import Question
    from coordinator.planning.preconditions.known import Domain
    from coordinator.planning.preconditions.world import TableState, World
    from coordinator.sql.namespace import Namespace
    from coordinator.sql.tree import Node


@dataclass(slots=True, kw_only=True)
class Asking:
    """One step of the plan while its statements are read; `line` is that of the statement being read.

    `unsure` says why nobody knows whether the statement runs as it was read. `filled` are columns whose values
    are put back from a copy when they are added again.
    """

    step: Step
    world: World
    names: Namespace
    line: int = 0
    unsure: str = ""
    filled: frozenset[tuple[str, str, str]] = frozenset()
    found: list[Precondition] = field(default_factory=list)

    @property
    def by(self) -> str:
        """Who does what the statement does, for a sentence."""
        return f"{self.step.key} (line {self.line})" if self.line else str(self.step.key)

    def ask(self, kind: PreconditionKind, what: str, question: Question | None, why: str = "") -> None:
        """Note a demand, with what to ask, or with why nothing can be asked."""
        reason = self.unsure or why or ("" if question is None else self._means_another(question))
        table = None if question is None else self.world.of_today(question.rows.relation)
        self.found.append(
            Precondition(
                kind=kind,
                key=self.step.key,
                direction=self.step.direction,
                place=Place(self.step.place.file, self.line or self.step.place.line),
                what=what,
                question=None if reason else question,
                why=reason,
                added="" if table is None else table.grown,
            )
        )

    def _means_another(self, question: Question) -> str:
        """Why what the question calls or names is not what the step will find; empty when it is."""
        world = self.world
        if world.functions:
            # What is replaced may be called by a function that is not.
            own = world.functions | world.known.functions
            called = (self._named(each) for each in functions_called(question))
            found = next((each for each in called if each in own), None)
            if found is not None:
                return f"it calls {'.'.join(found)}, and functions are made or replaced first"
        types = (self._named(each) for each in types_named(question)) if world.types else ()
        return next((f"the type {'.'.join(each)} is made first" for each in types if each in world.types), "")

    def domain(self, type_name: Node) -> Domain | None:
        """The domain of today that a type in the statement means; None for any other type."""
        return None if type_name.array_bounds else self.world.known.domain(self._named(type_words(type_name)))

    def made_type(self, type_name: Node) -> bool:
        """Whether the plan makes or changes the type, so that it may be a domain with a default of its own."""
        name = self._named(type_words(type_name))
        return name in self.world.types and self.world.labels.get(name) is None

    def _named(self, words: tuple[str, ...]) -> tuple[str, str]:
        return (words[-2] if len(words) > 1 else self.names.schema, words[-1])

    def table(self, node: Node) -> TableState | None:
        """The table that a name in the statement means; None when it has no rows that could break anything."""
        found = self.world.table(self.names.relation(node))
        return None if found is None or found.empty else found

    def relation(self, node: Node) -> ObjectName:
        """What a name in the statement means."""
        return self.names.relation(node)


def columns_in(node: Node) -> tuple[str, ...] | None:
    """The columns that an expression names; None when it asks other tables or takes whole rows."""
    found: dict[str, None] = {}
    waiting = [unwrap(node)]
    while waiting:
        each = waiting.pop()
        if each is None:
            continue
        if name_of(each) == "SubLink":
            return None
        if name_of(each) == "ColumnRef":
            words = strings(each.fields)
            if len(words) < len(each.fields):
                return None
            found[words[-1]] = None
        else:
            waiting.extend(children(each))
    return tuple(found)
