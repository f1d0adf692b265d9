"""Is the certificate valid at this time, and for this database? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.planning.certifying.finding import against

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.model.certificate import Certificate
    from coordinator.planning.certifying.today import Today

_WHEN = "%Y-%m-%d %H:%M UTC"


def time_findings(certificate: Certificate, now: datetime) -> tuple[Finding, ...]:
    """A certificate holds from one moment to another."""
    if now < certificate.not_before:
        return (
            against(
                "certificate-not-yet-valid",
                f"the certificate is valid from {certificate.not_before:{_WHEN}}, and it is {now:{_WHEN}}",
                remedy="look whether the clocks of both machines are right",
            ),
        )
    if now >= certificate.expires:
        return (
            against(
                "certificate-expired",
                f"the certificate expired at {certificate.expires:{_WHEN}}, and it is {now:{_WHEN}}",
            ),
        )
    return ()


def target_findings(certificate: Certificate, today: Today) -> tuple[Finding, ...]:
    """A certificate that was made for one database is no proof for another one."""
    target, found = certificate.target, []
    ours = (today.system_identifier, today.database)
    theirs = (target.system_identifier, target.database)
    if all((*ours, *theirs)) and ours != theirs:
        found.append(
            against(
                "certificate-other-target",
                f"the certificate was made for database {target.database!r} of the server {target.system_identifier},"
                f" and this is database {today.database!r} of the server {today.system_identifier}",
            )
        )
    if target.environment and target.environment != today.environment:
        found.append(
            against(
                "certificate-other-environment",
                f"the certificate was made for environment {target.environment!r}, and this is {today.environment!r}",
                severity=Severity.WARNING,
            )
        )
    return tuple(found)
