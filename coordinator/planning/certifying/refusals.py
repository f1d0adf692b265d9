"""All that stands against applying a plan by its certificate, and what is worth telling of it. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.planning.certifying.contents import content_findings
from coordinator.planning.certifying.coverage import coverage_findings
from coordinator.planning.certifying.server import server_findings
from coordinator.planning.certifying.start import start_findings
from coordinator.planning.certifying.validity import target_findings, time_findings

if TYPE_CHECKING:
    from coordinator.model.certificate import Certificate
    from coordinator.model.finding import Finding
    from coordinator.planning.certifying.today import Today


def refusals(certificate: Certificate, today: Today) -> tuple[Finding, ...]:
    """What differs from the rehearsal: errors void the certificate, the rest is told and accepted."""
    return (
        *time_findings(certificate, today.now),
        *target_findings(certificate, today),
        *server_findings(certificate, today),
        *coverage_findings(certificate, today),
        *content_findings(certificate, today),
        *start_findings(certificate, today),
    )
