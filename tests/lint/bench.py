"""Facts for lint rules in a few words: forests of revisions in SQL, what is applied, a map, sizes, squawk's answer."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.checks.lint.facts import LintFacts, SquawkSaid
from coordinator.checks.lint.registry import lint
from coordinator.mapfile.contract_edges import DeclaredEdges
from coordinator.mapfile.pairing import BuiltNames
from coordinator.mapfile.parser import parse_map
from coordinator.model.built_schema import BuiltModule, BuiltSchema
from coordinator.model.effect import LastingUse, ObjectKind, ObjectName
from coordinator.model.lint_rule import LintChoices
from coordinator.model.table_size import TableSize
from coordinator.planning.situation import situate
from coordinator.squawk.program import find_squawk
from coordinator.squawk.run import LintStatement, lint_sql
from tests.planning_builders import Forest, applied_set, captured, effects, tree

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.finding import Finding
    from coordinator.model.module import Module

#: A sketch of a map: billing needs crm, and nobody else needs anybody.
SKETCH = """
- Módulo crm
  - tabela: customers (id, name, phone)
- Módulo billing
  - tabela: invoices (id, customer_id)
  - dependências: crm.customers
- Módulo stock
  - tabela: items (id)
"""


def facts(
    forest: Forest,
    *,
    applied: str = "",
    touches: Mapping[str, tuple[str, ...]] | None = None,
    lasting: tuple[LastingUse, ...] = (),
    database_map: str | None = None,
    rows: Mapping[str, int] | None = None,
    choices: LintChoices | None = None,
    squawk: bool = False,
) -> LintFacts:
    """`touches`: by revision ("billing:b1"); `rows`: by table ("crm.customers"); `squawk`: ask the real program."""
    declared = touches or {}
    trees = []
    for module, revisions in forest.items():
        made = tree(module, revisions)
        marked = tuple(replace(each, touches=declared.get(str(each.key), ())) for each in made.revisions)
        trees.append(replace(made, revisions=marked))
    there = applied_set(applied)
    pending = tuple(
        revision
        for each in trees
        for revision in each.revisions
        if revision.key.revision not in there.get(each.module.name, frozenset())
    )
    captures = {
        each.key: found
        for module, revisions in forest.items()
        for each in (captured(module, rev) for rev in revisions)
        for found in (each,)
    }
    found = LintFacts(
        situation=situate(trees, there, effects(forest)),
        pending=pending,
        captures=captures,
        owners={schema: each.module.name for each in trees for schema in each.module.schemas},
        lasting=lasting,
        declared=None if database_map is None else _declared(database_map, [each.module for each in trees]),
        sizes={_table(name): TableSize(rows=count, bytes=0) for name, count in (rows or {}).items()},
        choices=choices or LintChoices(),
    )
    return replace(found, said=_said(found)) if squawk else found


def _declared(text: str, modules: list[Module]) -> DeclaredEdges:
    database_map = parse_map(text, file="database_map.md")
    built = BuiltSchema(modules=tuple(BuiltModule(name=each.name, schemas=each.schemas) for each in modules))
    return DeclaredEdges(database_map, BuiltNames(database_map, built))


def _table(name: str) -> tuple[str, str]:
    schema, _, table = name.partition(".")
    return schema, table


def _said(of: LintFacts) -> tuple[SquawkSaid, ...]:
    sent = [(revision, each) for revision in of.pending for each in of.statements(revision)]
    statements = [LintStatement(sql=each.sql, autocommit=each.autocommit) for _, each in sent]
    violations = lint_sql(find_squawk(), statements, server_version=150018)
    return tuple(
        SquawkSaid(revision=sent[each.statement][0], statement=sent[each.statement][1], violation=each)
        for each in violations
    )


def found(rule: str, of: LintFacts) -> tuple[Finding, ...]:
    """What one rule says."""
    return tuple(each for each in lint(of) if each.rule == rule)


def one(rule: str, of: LintFacts) -> Finding:
    """The only thing that one rule says."""
    findings = found(rule, of)
    assert len(findings) == 1, [each.message for each in findings]
    return findings[0]


def view(name: str) -> ObjectName:
    schema, table = _table(name)
    return ObjectName(ObjectKind.RELATION, schema, table)


def column(name: str) -> ObjectName:
    schema, table, part = name.split(".")
    return ObjectName(ObjectKind.COLUMN, schema, table, part)


def holds(holder: ObjectName, used: ObjectName) -> LastingUse:
    return LastingUse(holder=holder, used=used)
