"""The lint rules that need to know modules; docs/lint.md shows each with a bad and a good example."""

from __future__ import annotations

from typing import Final

from coordinator.model.finding import Severity
from coordinator.model.lint_rule import LintRule

_ERROR, _WARNING = Severity.ERROR, Severity.WARNING

#: Every module rule by name, with the severity of its gravest finding.
MODULE_RULES: Final[dict[str, LintRule]] = {
    each.name: each
    for each in (
        LintRule(
            name="another-schema", severity=_ERROR, why="a schema has one owner, who must know what changes"
        ),
        LintRule(
            name="undeclared-dependency", severity=_ERROR, why="owners look in the map for who needs them"
        ),
        LintRule(
            name="requires-against-map", severity=_ERROR, why="two modules that need each other ship together"
        ),
        LintRule(
            name="cascade-across-border",
            severity=_ERROR,
            why="PostgreSQL takes others' objects without a word",
        ),
        LintRule(
            name="contract-with-expand", severity=_ERROR, why="the programs that run now know the old only"
        ),
        LintRule(
            name="required-column", severity=_ERROR, why="PostgreSQL refuses it as soon as there is a row"
        ),
        LintRule(
            name="foreign-key-without-index",
            severity=_WARNING,
            why="the other module's deletes read the table",
        ),
        LintRule(
            name="mixed-data-change", severity=_WARNING, why="another module's rows stay locked meanwhile"
        ),
        LintRule(
            name="star-view", severity=_WARNING, why="it ties down every column of another module's table"
        ),
        LintRule(name="name-elsewhere", severity=_WARNING, why="what it means depends on search_path"),
        LintRule(name="grant-to-public", severity=_WARNING, why="everybody's border is nobody's"),
    )
}
