"""Whether a certificate covers what a run is about to apply, here and now; its rehearsal then takes the place of ours."""

from __future__ import annotations

import datetime
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator import __version__
from coordinator.errors import RefusedError
from coordinator.model.finding import Severity
from coordinator.planning.certifying.coverage import covered_plan
from coordinator.planning.certifying.finding import ANEW
from coordinator.planning.certifying.refusals import refusals
from coordinator.planning.certifying.today import Today
from coordinator.planning.rehearsed import found_by_rehearsal
from coordinator.postgres.catalog import read_catalog
from coordinator.postgres.failure import StatementError
from coordinator.postgres.server_facts import read_server_facts
from coordinator.revisions.inputs import file_digest
from coordinator.workflow.certificate import comparable, inputs_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.execution.project import Project
    from coordinator.model.certificate import Certificate, CertificateFile, CertifiedStep
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.postgres.session import Session
    from coordinator.workflow.planned import Captured
    from coordinator.workflow.state import TargetState

_SYSTEM = "SELECT system_identifier::text FROM pg_control_system()"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A plan that a certificate covers, what its rehearsal knew, and what is worth telling of both."""

    file: CertificateFile
    plan: RunPlan
    certified: Mapping[RevisionKey, CertifiedStep]
    findings: tuple[Finding, ...]

    @property
    def rehearsal(self) -> Rehearsal:
        """The rehearsal that was certified."""
        return self.file.certificate.rehearsal

    @property
    def name(self) -> str:
        """What the ledger and people call it."""
        return f"certificate {self.file.digest[:12]}"


def cover(
    file: CertificateFile,
    plans: tuple[RunPlan, ...],
    *,
    environment: str,
    session: Session,
    project: Project,
    state: TargetState,
    captured: Captured,
) -> Covered:
    """The one of the plans that the certificate covers. Only reads. Raises RefusedError with all that differs."""
    certificate = file.certificate
    today = _today(certificate, plans, environment, session, project, state, captured)
    findings = refusals(certificate, today)
    errors = tuple(each for each in findings if each.severity is Severity.ERROR)
    plan = covered_plan(certificate, today)
    if errors or plan is None:
        remedies = dict.fromkeys(each.help for each in errors if each.help)
        raise RefusedError(
            "the certificate does not cover this run; nothing was written",
            errors,
            help=next(iter(remedies), ANEW),
        )
    return Covered(
        file=file,
        plan=found_by_rehearsal(plan, plans),
        certified={step.key: step for step in certificate.steps},
        findings=findings,
    )


def _today(
    certificate: Certificate,
    plans: tuple[RunPlan, ...],
    environment: str,
    session: Session,
    project: Project,
    state: TargetState,
    captured: Captured,
) -> Today:
    identifier = ""
    with suppress(StatementError):  # the role may not ask
        identifier = str(session.value(_SYSTEM))
    modules = (*project.modules, *state.absent.modules)
    keys = [step.key for step in plans[0].steps]
    return Today(
        now=datetime.datetime.now(datetime.UTC),
        environment=environment,
        plans=plans,
        digests={key: project.revision(key).digest for key in keys},
        files=_files(certificate, project),
        inputs=inputs_of(captured, keys),
        options=captured.options,
        tools=captured.tools,
        applied=state.applied,
        catalog=comparable(read_catalog(session, ignore=project.version_tables), modules),
        role=str(session.value("SELECT session_user")),
        facts=read_server_facts(session),
        system_identifier=identifier,
        database=str(session.value("SELECT current_database()")),
        program=__version__,
        made_schemas=frozenset(schema for module in modules for schema in module.schemas),
    )


def _files(certificate: Certificate, project: Project) -> dict[tuple[str, str], str]:
    """The digests that the certificate's files have in this checkout."""
    folders = {module.name: module.path for module in project.modules}
    return {
        (step.key.module, each.path): file_digest(folders[step.key.module] / each.path)
        for step in certificate.steps
        if step.key.module in folders
        for each in step.inputs
    }
