"""A throw-away server, and on it a database that starts where the baseline is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.errors import RefusedError, SettingsError
from coordinator.execution.events import Working
from coordinator.model.gate import GateStage
from coordinator.postgres.failure import StatementError
from coordinator.settings.values import StagingKind
from coordinator.workflow.all_modules import wanted_staging
from coordinator.workflow.gate.floor import lay_floor
from coordinator.workflow.gate.interface import Check, Said
from coordinator.workflow.rehearse import staging_for

if TYPE_CHECKING:
    from coordinator.settings.values import Settings
    from coordinator.workflow.gate.bench import Bench


def _prepare(bench: Bench) -> Said:
    wanted = gate_staging(bench.settings)
    bench.tell(Working(what="looking for a staging server"))
    staging = bench.stack.enter_context(
        staging_for(wanted, bench.settings, bench.baseline, bench.project.revisions, bench.tell)
    )
    try:
        floor = bench.stack.enter_context(lay_floor(bench.baseline, staging, bench.project, bench.tell))
    except StatementError as error:
        raise RefusedError(
            f"the baseline cannot be built on {staging.label}: {error.message}",
            help="the staging lacks something that the baseline needs; `staging.image` names another image",
        ) from error
    bench.prepared(floor)
    bench.secrets.add(floor.first.parameters.get("password", ""))
    return Said(told=staging.label)


def gate_staging(settings: Settings) -> str:
    """Where to rehearse. A deploy may do without; a gate may not."""
    if settings.staging.kind is StagingKind.OFF:
        raise SettingsError(
            "A gate without a staging would judge nothing, and staging is off.",
            help="Name one with --staging: auto, container, embedded, or the URL of a server.",
        )
    return "auto" if settings.staging.kind is StagingKind.CERTIFICATE else wanted_staging(settings)


STAGING = Check(
    name="staging",
    stage=GateStage.SETUP,
    title="a throw-away database that starts at the baseline",
    run=_prepare,
    needs=("baseline",),
)
