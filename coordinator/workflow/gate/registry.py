"""The checks of the gate in the order in which they run; the only list of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.gate import GateStage
from coordinator.workflow.gate.baseline import BASELINE
from coordinator.workflow.gate.capture import CAPTURE
from coordinator.workflow.gate.certificate import CERTIFICATE
from coordinator.workflow.gate.commands import command_name, commands_of
from coordinator.workflow.gate.drift import DRIFT
from coordinator.workflow.gate.forecast import FORECAST
from coordinator.workflow.gate.from_empty import FROM_EMPTY
from coordinator.workflow.gate.impact import IMPACT
from coordinator.workflow.gate.lint import LINT
from coordinator.workflow.gate.map import MAP
from coordinator.workflow.gate.migrated import migrated
from coordinator.workflow.gate.order import ORDER
from coordinator.workflow.gate.preconditions import PRECONDITIONS
from coordinator.workflow.gate.preflight import PREFLIGHT
from coordinator.workflow.gate.rehearsal import rehearsal
from coordinator.workflow.gate.reversal import REVERSAL
from coordinator.workflow.gate.revisions import REVISIONS
from coordinator.workflow.gate.sameness import SAMENESS
from coordinator.workflow.gate.staging import STAGING

if TYPE_CHECKING:
    from coordinator.workflow.gate.interface import Check
    from coordinator.workflow.gate.request import GateRequest
    from coordinator.workflow.gate.secrets import Secrets


def checks_of(request: GateRequest, secrets: Secrets) -> tuple[Check, ...]:
    """All checks of one gate, the user's commands at the end of each stage."""
    setup = commands_of(request, GateStage.SETUP, secrets)
    # What a command of the first stage has half prepared is no place to rehearse in.
    prepared = tuple(command_name(GateStage.SETUP, number) for number in range(1, len(setup) + 1))
    return (
        REVISIONS,
        BASELINE,
        CAPTURE,
        PREFLIGHT,
        STAGING,
        LINT,
        SAMENESS,
        DRIFT,
        *setup,
        ORDER,
        PRECONDITIONS,
        rehearsal(prepared),
        REVERSAL,
        FORECAST,
        FROM_EMPTY,
        migrated(prepared),
        *commands_of(request, GateStage.MIGRATE, secrets),
        *commands_of(request, GateStage.INTEGRATION, secrets),
        MAP,
        IMPACT,
        *commands_of(request, GateStage.CROSS_MODULE, secrets),
        *commands_of(request, GateStage.BUSINESS, secrets),
        *commands_of(request, GateStage.APPROVAL, secrets),
        *((CERTIFICATE,) if request.certificate is not None else ()),
    )
