"""The module's own checks: queries in `checks/*.sql` beside its revisions, whose rows are violations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import counted, found
from coordinator.model.capture import Direction
from coordinator.model.finding import Severity
from coordinator.model.names import Place
from coordinator.postgres.failure import StatementError
from coordinator.postgres.own_queries import count_rows
from coordinator.sql.parser import parse
from coordinator.sql.tree import SqlSyntaxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from coordinator.model.catalog import Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session
    from coordinator.sql.tree import Tree

# Schema, relation, column, function or type not there: the query is about a later state of the module.
_NOT_YET = frozenset({"3F000", "42P01", "42703", "42883", "42704"})
_REMEDY = "mend the rows in the revision, or the query; its rows are not shown here, so run it by hand"


@dataclass(frozen=True, slots=True)
class OwnChecks:
    """Runs each query read-only and in limited time; only the number of rows and the columns' names are told.

    Not in a downgrade: the queries stand for the newest state of the module.
    """

    name: str = "own-checks"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """One finding for each query that has rows, fails, or is no query."""
        if facts.step.direction is Direction.DOWNGRADE:
            return ()
        files = sorted((facts.module.path / "checks").glob("*.sql"))
        return tuple(finding for file in files for finding in self._file(session, facts, file))

    def _file(self, session: Session, facts: StepFacts, file: Path) -> Iterator[Finding]:
        try:
            text = file.read_text(encoding="utf-8")
            trees = parse(text)
        except UnicodeDecodeError:
            yield self._no_sql(facts, file, "it is not UTF-8 text", Place(str(file)))
            return
        except SqlSyntaxError as error:
            yield self._no_sql(facts, file, error.reason, Place(str(file), error.line, error.column))
            return
        for tree in trees:
            place = Place(
                str(file), text[: tree.offset].count("\n") + _leading_lines(text[tree.offset :]) + 1
            )
            finding = self._query(session, facts, tree, place, file.name)
            if finding is not None:
                yield finding

    def _no_sql(self, facts: StepFacts, file: Path, why: str, place: Place) -> Finding:
        return found(
            self.name,
            facts,
            f"could not be checked: '{file.name}' of module '{facts.module.name}' is no SQL: {why}",
            "correct the query",
            place=place,
        )

    def _query(
        self, session: Session, facts: StepFacts, tree: Tree, place: Place, name: str
    ) -> Finding | None:
        if tree.kind != "select_stmt":
            return found(
                self.name,
                facts,
                f"could not be checked: '{name}' of module '{facts.module.name}' holds a command that is no query",
                "a check holds SELECT only; each row that it returns is a violation",
                place=place,
            )
        path = (*facts.module.schemas, "public")
        try:
            rows, columns = count_rows(session, tree.sql, search_path=path, seconds=facts.seconds)
        except StatementError as error:
            return self._failed(facts, error, place, name)
        if not rows:
            return None
        return found(
            self.name,
            facts,
            f"leaves {counted(rows, 'row')} (columns {', '.join(columns)}) in the check '{name}' of module"
            f" '{facts.module.name}', which must return none",
            _REMEDY,
            place=place,
        )

    def _failed(self, facts: StepFacts, error: StatementError, place: Place, name: str) -> Finding | None:
        if error.sqlstate in _NOT_YET and not facts.last_of_module:
            return None  # what it asks for comes with a later step
        return found(
            self.name,
            facts,
            f"could not be checked: '{name}' of module '{facts.module.name}' failed: {error}",
            "correct the query; it runs read-only, in at most"
            f" {facts.seconds:g} seconds, with the module's schemas as search_path",
            severity=Severity.ERROR,
            place=place,
        )


def _leading_lines(text: str) -> int:
    return text[: len(text) - len(text.lstrip())].count("\n")
