"""A certificate from a rehearsal: all that it stands on is gathered here."""

from __future__ import annotations

import datetime
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from coordinator import __version__
from coordinator.certificates.file import sealed
from coordinator.errors import CoordinatorError, RefusedError
from coordinator.model.baseline import BaselineKind
from coordinator.model.certificate import CertifiedModule, CertifiedTarget, ModuleOrigin
from coordinator.planning.certifying.making import VALID_FOR, Material, make_certificate
from coordinator.postgres.failure import StatementError
from coordinator.repository.git import origin_of
from coordinator.revisions.inputs import input_files
from coordinator.snapshots.redacting import Redactor

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from coordinator.execution.project import Project
    from coordinator.model.capture import InputFile
    from coordinator.model.catalog import Catalog
    from coordinator.model.certificate import CertificateFile
    from coordinator.model.finding import Finding
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.settings.values import Settings
    from coordinator.workflow.baseline.interface import Baseline
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.rehearse import Rehearsed
    from coordinator.workflow.state import TargetState


def certify(
    *,
    settings: Settings,
    project: Project,
    baseline: Baseline,
    state: TargetState,
    captured: Captured,
    rehearsed: Rehearsed,
    valid_for: datetime.timedelta = VALID_FOR,
) -> CertificateFile:
    """The certificate of a rehearsal that started at `baseline`, not signed and not yet written to a file.

    `state` and `captured` are those that the plan was made of. Raises RefusedError when there is nothing to certify,
    and when a file of a revision was changed between its capture and its rehearsal.
    """
    plan = rehearsed.plan
    if not plan.steps:
        raise RefusedError("nothing is pending, so there is nothing to certify")
    if rehearsed.server is None:
        raise RefusedError("the rehearsal does not say on which server it ran, so it cannot be certified")
    keys = [step.key for step in plan.steps]
    modules = (*project.modules, *state.absent.modules)
    material = Material(
        program=__version__,
        made=datetime.datetime.now(datetime.UTC).replace(microsecond=0),
        valid_for=valid_for,
        target=_target(settings, baseline),
        plan=plan,
        rehearsal=_to_keep(rehearsed.rehearsal, settings.root),
        modules=modules,
        certified_modules=tuple(_module(each, project, state, captured) for each in project.modules),
        files={key: own_file(project, key) for key in keys},
        digests={key: project.revision(key).digest for key in keys},
        inputs=inputs_of(captured, keys),
        unknown={key: captured.effects[key].unknown for key in keys},
        effects=(captured.effects, captured.back),
        uses=baseline.uses(),
        start=comparable(baseline.catalog(project), modules),
        start_role=baseline.role,
        staging=rehearsed.server,
        server=rehearsed.wanted,
    )
    return sealed(make_certificate(material))


def own_file(project: Project, key: RevisionKey) -> str:
    """A revision's own file as its inputs name it."""
    return input_files(project.module(key.module), (project.revision(key).place.file,))[0].path


def inputs_of(captured: Captured, keys: list[RevisionKey]) -> Mapping[RevisionKey, tuple[InputFile, ...]]:
    """What both functions of each revision were seen to read when they were captured."""
    return {
        key: tuple(
            sorted(
                {
                    *captured.upgrades[key].inputs,
                    *(captured.downgrades[key].inputs if key in captured.downgrades else ()),
                }
            )
        )
        for key in keys
    }


def comparable(catalog: Catalog, modules: tuple[Module, ...]) -> Catalog:
    """The catalog as certificates compare it: without version tables, whichever of them another checkout may have."""
    tables = {module.qualified_version_table for module in modules}
    return catalog.where(lambda address: address.relation not in tables)


def _to_keep(rehearsal: Rehearsal, root: Path) -> Rehearsal:
    """The rehearsal in words that may be kept anywhere.

    Files are named from the project's folder, since where that lay is no matter of who reads of it later; what findings
    quote has no passwords in it.
    """
    return replace(
        rehearsal,
        findings=tuple(_finding_to_keep(each, root) for each in rehearsal.findings),
        steps=tuple(
            replace(step, findings=tuple(_finding_to_keep(each, root) for each in step.findings))
            for step in rehearsal.steps
        ),
    )


def _finding_to_keep(finding: Finding, root: Path) -> Finding:
    def short(text: str) -> str:
        return text.replace(f"{root}/", "")

    def told(text: str) -> str:
        return Redactor().message(short(text))

    return replace(
        finding,
        message=told(finding.message),
        place=None if finding.place is None else replace(finding.place, file=short(finding.place.file)),
        help=None if finding.help is None else told(finding.help),
    )


def _target(settings: Settings, baseline: Baseline) -> CertifiedTarget:
    identifier = None
    if baseline.kind is not BaselineKind.REPLAY:
        with suppress(StatementError):  # the role may not ask
            identifier = baseline.system_identifier
    return CertifiedTarget(
        kind=baseline.kind,
        shown=baseline.shown,
        environment=settings.environment or "default",
        system_identifier="" if identifier is None else str(identifier),
        database=baseline.database,
    )


def _module(module: Module, project: Project, state: TargetState, captured: Captured) -> CertifiedModule:
    tree = project.tree(module.name)
    return CertifiedModule(
        name=module.name,
        schemas=module.schemas,
        version_table=".".join(module.qualified_version_table),
        heads=tuple(sorted(state.heads.get(module.name, frozenset()) & tree.ids)),
        applied=tuple(sorted(state.applied.get(module.name, frozenset()))),
        origin=_origin(module),
        options=captured.options.get(module.name, {}),
        tools=captured.tools.get(module.name, {}),
    )


def _origin(module: Module) -> ModuleOrigin | None:
    """Where the module's files came from; None where git does not say."""
    try:
        found = origin_of(module.path)
    except CoordinatorError:
        return None
    if found is None:
        return None
    return ModuleOrigin(remote=found.remote, commit=found.commit, dirty=found.dirty)
