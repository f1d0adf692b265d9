"""What is in where the pending revisions start from, compared with what the applied revisions make."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator.errors import RefusedError
from coordinator.execution.project import Project
from coordinator.model.baseline import BaselineKind
from coordinator.model.catalog import without_parts
from coordinator.model.finding import Finding, Severity
from coordinator.model.gate import GateStage
from coordinator.postgres.catalog import read_catalog
from coordinator.reports.wording import counted
from coordinator.workflow.baseline.replay import ReplayBaseline
from coordinator.workflow.certificate import comparable
from coordinator.workflow.gate.interface import Check, Said, skipped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.catalog import Address, Catalog, CatalogDifference
    from coordinator.model.effect import Effect
    from coordinator.workflow.gate.bench import Bench

_SHOWN = 20
# Who may read what is often given by hand, and no revision's business; pg_dump brings it to the staging all the same.
_RIGHTS = "grants on "


def _compare(bench: Bench) -> Said:
    why = _nothing_to_compare(bench)
    if why is not None:
        return skipped(why)
    try:
        made = _made_by_revisions(bench)
    except RefusedError as error:
        warning = Finding(
            rule="cannot-be-replayed", severity=Severity.WARNING, message=error.message, help=error.help
        )
        return replace(skipped("what is in cannot be built from nothing"), findings=(warning,))
    found = _own(bench, bench.baseline.catalog(bench.project)).difference(_own(bench, made))
    findings = tuple(_findings(bench, found))
    told = f"{counted(len(findings), 'difference')} from what the applied revisions make"
    return Said(told=told if findings else "as the applied revisions make it", findings=_bounded(findings))


def _nothing_to_compare(bench: Bench) -> str | None:
    if bench.baseline.kind is BaselineKind.REPLAY:
        return "the baseline is a replay itself"
    if not any(bench.state.applied.values()):
        return "nothing is applied yet"
    if bench.state.absent.modules or bench.state.absent.later:
        return "not every applied revision is in this checkout, so they cannot be replayed"
    return None


def _made_by_revisions(bench: Bench) -> Catalog:
    """The catalog of a database in which only the applied revisions have run."""
    applied = bench.state.applied
    trees = tuple(
        replace(
            tree,
            revisions=tuple(
                each
                for each in tree.revisions
                if each.key.revision in applied.get(tree.module.name, frozenset())
            ),
        )
        for tree in bench.project.trees
    )
    replay = ReplayBaseline(
        settings=bench.settings,
        tell=bench.tell,
        workers=bench.workers,
        replayed=Project(trees=trees),
        staging="",
        shown="the applied revisions, replayed",
        server_version=bench.floor.staging.server_version,
        embedded=False,
        deployer=bench.floor.deployer,
    )
    with bench.floor.session_on_empty() as session:
        replay.build(session, bench.floor.staging, bench.project, bench.tell)
        return read_catalog(session, ignore=bench.project.version_tables)


def _own(bench: Bench, catalog: Catalog) -> Catalog:
    """What lies in the modules' schemas, in the form in which it can be compared."""
    schemas = frozenset(bench.project.owners)
    return comparable(catalog, bench.project.all_modules).where(
        lambda address: address.schema in schemas and not address.kind.startswith(_RIGHTS)
    )


def _findings(bench: Bench, found: CatalogDifference) -> Iterator[Finding]:
    touched = _touched(bench)
    for address in without_parts(found.created):
        yield _finding(bench, address, f"{address} is there, and no applied revision makes it", touched)
    for address in without_parts(found.dropped):
        yield _finding(bench, address, f"{address} is not there, and the applied revisions make it", touched)
    for each in found.changed:
        came, went = (", ".join(" ".join(line.split()) for line in lines) for lines in reversed(each.lines))
        message = f"{each.address} has {came or 'nothing'!r} there, and {went or 'nothing'!r} by the applied revisions"
        yield _finding(bench, each.address, message, touched)


def _touched(bench: Bench) -> frozenset[tuple[str, str]]:
    """Schema and name of everything that a pending revision changes, uses or holds."""

    def names(effect: Effect) -> Iterator[tuple[str, str]]:
        for each in (effect.object, effect.to, effect.holder, *effect.alternatives):
            if each is not None:
                yield each.schema, each.name

    return frozenset(
        name
        for key in bench.pending
        for effect in bench.captured.effects[key].effects
        for name in names(effect)
    )


def _finding(bench: Bench, address: Address, message: str, touched: frozenset[tuple[str, str]]) -> Finding:
    """What the pending revisions touch must be as they expect it; the rest is told."""
    concerned = (address.schema, address.name) in touched
    return Finding(
        rule="drift",
        severity=Severity.ERROR if concerned else Severity.WARNING,
        message=f"{message}; a pending revision touches it" if concerned else message,
        module=bench.project.owners.get(address.schema),
        help="write a revision that makes or takes it, or undo by hand what was done by hand",
    )


def _bounded(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    """All that block, and as many others as people read."""
    errors = tuple(each for each in findings if each.severity is Severity.ERROR)
    rest = tuple(each for each in findings if each.severity is not Severity.ERROR)
    if len(rest) <= _SHOWN:
        return (*errors, *rest)
    more = Finding(
        rule="drift",
        severity=Severity.WARNING,
        message=f"{len(rest) - _SHOWN} more differences, none of which a pending revision touches",
    )
    return (*errors, *rest[:_SHOWN], more)


DRIFT = Check(
    name="drift",
    stage=GateStage.SETUP,
    title="what is there is what the applied revisions make",
    run=_compare,
    needs=("capture", "staging"),
)
