"""Functions of other modules still find what their bodies name; PostgreSQL looks only when they run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import found
from coordinator.checks.integrity.known_names import KnownNames, named_things
from coordinator.checks.integrity.touched import own_schemas
from coordinator.model.finding import Severity
from coordinator.postgres.function_bodies import complaint, function_bodies

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.checks.integrity.known_names import NamedThings
    from coordinator.model.catalog import Catalog, CatalogDifference
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.function_bodies import FunctionBody
    from coordinator.postgres.session import Session

# No such relation, column, object or schema. When nothing that was known is lost, it was missing before.
_MISSING = frozenset({"42P01", "42703", "42704", "3F000"})
_MAY_BREAK = frozenset({"column", "enum", "domain", "composite type", "function", "procedure", "view"})


@dataclass(frozen=True, slots=True)
class FunctionsResolve:
    """Asks only after a step that dropped, renamed or retyped something.

    `sql` bodies are read by PostgreSQL itself, `plpgsql` bodies by plpgsql_check where it is installed. Besides,
    whatever a body names is looked up in the catalogs before and after: what was there and is no longer is a
    violation. Dynamic SQL cannot be read: that is said.
    """

    name: str = "functions-resolve"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each function of another module that no longer resolves."""
        difference = after.difference(before)
        if not _can_break(difference):
            return ()
        others = frozenset(facts.owners) - own_schemas(facts)
        bodies = function_bodies(session, others) if others else ()
        known = KnownNames(before), KnownNames(after)
        touched = _touched(difference)
        return tuple(
            finding for body in bodies for finding in self._look(session, facts, body, known, touched)
        )

    def _look(
        self,
        session: Session,
        facts: StepFacts,
        body: FunctionBody,
        known: tuple[KnownNames, KnownNames],
        touched: frozenset[tuple[str, str]],
    ) -> Iterator[Finding]:
        module = next(each for each in facts.modules if each.name == facts.owners[body.schema])
        path = body.search_path or (*module.schemas, "public")
        things = named_things(body, path[0])
        lost = things.lost(*known)
        if lost:
            names = ", ".join(dict.fromkeys(each.shown for each in lost))
            yield self._broken(facts, body, f"it names {names}, which is no longer there")
        elif _names(things, touched):
            error = complaint(session, body, path)
            if error is not None and error.sqlstate not in _MISSING:
                yield self._broken(facts, body, f"PostgreSQL says: {error}")
        if things.unknown:
            yield self._not_known(facts, body, things.unknown[0])

    def _broken(self, facts: StepFacts, body: FunctionBody, why: str) -> Finding:
        owner = facts.owners[body.schema]
        return found(
            self.name,
            facts,
            f"breaks function {body} of module '{owner}', which will fail when it is called: {why}",
            f"let a revision of '{owner}' replace the function first, and name it in `requires`",
        )

    def _not_known(self, facts: StepFacts, body: FunctionBody, why: str) -> Finding:
        return found(
            self.name,
            facts,
            f"drops or changes something, and function {body} of module '{facts.owners[body.schema]}' may use it:"
            f" {why}, so nobody can tell",
            "call the function in a test, or in a query under checks/",
            severity=Severity.NOTE,
        )


def _can_break(difference: CatalogDifference) -> bool:
    changed = any(each.address.kind in _MAY_BREAK for each in difference.changed)
    return changed or bool(difference.dropped)


def _touched(difference: CatalogDifference) -> frozenset[tuple[str, str]]:
    """Schema and name of whatever went or is another one now."""
    changed = (each.address for each in difference.changed)
    return frozenset((each.schema, each.name) for each in (*difference.dropped, *changed))


def _names(things: NamedThings, touched: frozenset[tuple[str, str]]) -> bool:
    return any((name.schema, name.name) in touched for entry in things.entries for name in entry)
