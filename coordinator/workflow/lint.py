"""Lint of the pending revisions: the rules that need modules, and squawk's, over all of them at once."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.checks.lint.facts import LintFacts, SquawkSaid
from coordinator.checks.lint.registry import lint
from coordinator.checks.preflight.waivers import apply_waivers, unused_waivers
from coordinator.checks.waivable import LINT_RULES
from coordinator.errors import UnreachableError
from coordinator.model.built_schema import BuiltModule, BuiltSchema
from coordinator.model.finding import Finding, Severity
from coordinator.model.lint_rule import SquawkUse
from coordinator.model.module_rules import MODULE_RULES
from coordinator.model.squawk_rules import SQUAWK_RULES
from coordinator.planning.situation import situate
from coordinator.squawk.program import SquawkError, find_squawk
from coordinator.squawk.run import LintStatement, lint_sql

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.mapfile.contract_edges import DeclaredEdges
    from coordinator.model.effect import LastingUse
    from coordinator.model.table_size import TableSize
    from coordinator.settings.values import Settings
    from coordinator.workflow.map_view import MapView
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.state import TargetState

NO_SQUAWK = "no-squawk"  #: the rule of what is said when squawk could not be asked


def lint_pending(
    settings: Settings,
    project: Project,
    state: TargetState,
    captured: Captured,
    map_view: MapView,
    *,
    uses: tuple[LastingUse, ...] = (),
    sizes: Mapping[tuple[str, str], TableSize] | None = None,
    changed: frozenset[str] | None = None,
) -> tuple[Finding, ...]:
    """Everything that the rules say of the pending revisions, waivers applied; applied ones are never judged.

    `uses` are the lasting uses of the database where they start from, `sizes` its tables'; without them what needs them
    stays silent. `changed` are the modules that the judged change touches; None: all of them. Without squawk's program
    the other rules run, and its absence is a warning. Raises UnreachableError where the settings say that it is required.
    """
    if not state.pending(project):
        return ()
    facts = _facts(settings, project, state, captured, map_view, uses, sizes or {})
    said, missing = _ask(settings, facts, state.server_version)
    found = lint(replace(facts, said=said))
    today = datetime.datetime.now(datetime.UTC).date()
    without = bool(missing) or settings.lint.squawk is SquawkUse.OFF
    asked = frozenset(MODULE_RULES) if without else LINT_RULES
    return tuple(
        dict.fromkeys(
            (
                *missing,
                *apply_waivers(found, project.trees, today, changed=changed),
                *unused_waivers(found, facts.pending, asked - settings.lint.exclude, today),
            )
        )
    )


def _facts(
    settings: Settings,
    project: Project,
    state: TargetState,
    captured: Captured,
    map_view: MapView,
    uses: tuple[LastingUse, ...],
    sizes: Mapping[tuple[str, str], TableSize],
) -> LintFacts:
    pending = frozenset(state.pending(project))
    situation = situate(
        state.absent.all_trees(project),
        {**state.applied, **state.absent.applied},
        {**state.absent.upgrades, **captured.effects},
        state.absent.applied.keys(),
    )
    return LintFacts(
        situation=situation,
        pending=tuple(each for tree in project.trees for each in tree.revisions if each.key in pending),
        captures={key: each for key, each in captured.upgrades.items() if key in pending},
        owners={
            schema: module.name
            for module in (*state.absent.modules, *project.modules)
            for schema in module.schemas
        },
        lasting=uses,
        declared=_declared(project, state, map_view),
        sizes=sizes,
        choices=settings.lint,
    )


def _declared(project: Project, state: TargetState, map_view: MapView) -> DeclaredEdges | None:
    """What the map says, bound to the modules that there are; None without a map."""
    if map_view.database_map is None:
        return None
    from coordinator.mapfile.contract_edges import DeclaredEdges
    from coordinator.mapfile.pairing import BuiltNames

    modules = tuple(
        BuiltModule(name=each.name, schemas=each.schemas)
        for each in (*project.modules, *state.absent.modules)
    )
    names = BuiltNames(map_view.database_map, BuiltSchema(modules=modules))
    return DeclaredEdges(map_view.database_map, names)


def _ask(
    settings: Settings, facts: LintFacts, server_version: int
) -> tuple[tuple[SquawkSaid, ...], tuple[Finding, ...]]:
    """What squawk says of every statement, and what is to be told when it could not be asked."""
    choices = settings.lint
    if choices.squawk is SquawkUse.OFF:
        return (), ()
    sent = [(revision, each) for revision in facts.pending for each in facts.statements(revision)]
    statements = [LintStatement(sql=each.sql, autocommit=each.autocommit) for _, each in sent]
    include = choices.named & SQUAWK_RULES.keys()
    try:
        violations = lint_sql(find_squawk(), statements, server_version=server_version, include=include)
    except SquawkError as error:
        if choices.squawk is SquawkUse.REQUIRED:
            raise UnreachableError(f"{error.message}.", help=error.help) from error
        return (), (
            Finding(rule=NO_SQUAWK, severity=Severity.WARNING, message=f"{error.message}.", help=error.help),
        )
    return tuple(
        SquawkSaid(revision=sent[each.statement][0], statement=sent[each.statement][1], violation=each)
        for each in violations
    ), ()
