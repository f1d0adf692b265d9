"""Is the certificate valid at this time, and for this database? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity
from coordinator.planning.certifying.finding import against
from coordinator.planning.certifying.making import CLOCKS_APART, VALID_FOR

if TYPE_CHECKING:
    from datetime import datetime

    from coordinator.model.certificate import Certificate
    from coordinator.planning.certifying.today import Today

_WHEN = "%Y-%m-%d %H:%M UTC"


def time_findings(certificate: Certificate, now: datetime) -> tuple[Finding, ...]:
    """A certificate holds from one moment to another, and not for longer than the program makes any."""
    if certificate.expires - certificate.made > VALID_FOR:
        return (
            against(
                "certificate-too-long",
                f"the certificate of {certificate.made:{_WHEN}} says that it is valid until"
                f" {certificate.expires:{_WHEN}}, and none is for more than {VALID_FOR.days} days",
            ),
        )
    begins = max(certificate.not_before, certificate.made - CLOCKS_APART)
    if now < begins:
        return (
            against(
                "certificate-not-yet-valid",
                f"the certificate is valid from {begins:{_WHEN}}, and it is {now:{_WHEN}}",
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
