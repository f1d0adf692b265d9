"""Is the target's server one that the rehearsal speaks for? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.planning.certifying.finding import against

if TYPE_CHECKING:
    from coordinator.model.certificate import Certificate
    from coordinator.model.finding import Finding
    from coordinator.model.server_facts import ServerFacts
    from coordinator.planning.certifying.today import Today

_RULE = "certificate-other-server"


def server_findings(certificate: Certificate, today: Today) -> tuple[Finding, ...]:
    """Another major version, or other versions of extensions, than in the rehearsal."""
    here = today.facts.version // 10000
    if here != certificate.major:
        return (
            against(
                _RULE,
                f"the plan was rehearsed on PostgreSQL {certificate.major}, and the target is PostgreSQL {here}",
            ),
        )
    lines = _extensions(certificate.staging, today.facts)
    if not lines:
        return ()
    return (against(_RULE, "the target's extensions are not those of the rehearsal", lines),)


def _extensions(rehearsed: ServerFacts, target: ServerFacts) -> list[str]:
    """Those that the rehearsal had; what the target has besides is drift."""
    now = {each.name: each.version for each in target.extensions}
    return [
        f"extension {each.name} was {each.version} and is {now.get(each.name, 'not there')}"
        for each in rehearsed.extensions
        if now.get(each.name) != each.version
    ]
