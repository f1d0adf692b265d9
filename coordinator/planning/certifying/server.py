"""Is the target's server one that the rehearsal speaks for? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Severity
from coordinator.model.sameness import Sameness
from coordinator.planning.certifying.finding import against
from coordinator.planning.sameness import NOTHING, differences

if TYPE_CHECKING:
    from coordinator.model.certificate import Certificate
    from coordinator.model.finding import Finding
    from coordinator.model.sameness import Difference
    from coordinator.planning.certifying.today import Today

_RULE = "certificate-other-server"
_EXTENSION = "extension "


def server_findings(certificate: Certificate, today: Today) -> tuple[Finding, ...]:
    """Another major version, other extensions, and what else differs in meaning and was not known when it was made.

    A certificate that was made without looking at any server cannot have known the rest, which is then only told.
    """
    here = today.facts.version // 10000
    if here != certificate.major:
        message = (
            f"the plan was rehearsed on PostgreSQL {certificate.major}, and the target is PostgreSQL {here}"
        )
        return (against(_RULE, message),)
    known = {(each.what, each.here, each.there) for each in certificate.rehearsal.differences}
    new = [
        each
        for each in differences(certificate.staging, today.facts)
        if each.grade is Sameness.DIFFERS_IN_MEANING and (each.what, each.here, each.there) not in known
    ]
    void = [each for each in new if _voids(each, certificate)]
    told = [each for each in new if each not in void]
    found = []
    if void:
        message = "the target's server differs in meaning from that of the rehearsal, which nobody knew then"
        found.append(against(_RULE, message, _lines(void)))
    if told:
        message = "the target's server differs from that of the rehearsal"
        found.append(against(_RULE, message, _lines(told), severity=Severity.WARNING))
    return tuple(found)


def _voids(difference: Difference, certificate: Certificate) -> bool:
    """What the plan was not rehearsed without cannot have mattered: an extension that only the target has."""
    if difference.what.startswith(_EXTENSION):
        return difference.here != NOTHING
    return certificate.server is not None


def _lines(differing: list[Difference]) -> list[str]:
    return [f"{each.what}: {each.here} in the rehearsal, {each.there} now; {each.why}" for each in differing]
