"""The one shape in which a certificate is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.model.names import RevisionKey

ANEW = "make a certificate from how things are now: `migrate gate --certificate FILE`"
_SHOWN = 12


def against(
    rule: str,
    message: str,
    lines: Sequence[str] = (),
    *,
    key: RevisionKey | None = None,
    severity: Severity = Severity.ERROR,
    remedy: str | None = None,
) -> Finding:
    """A finding with what is listed below its sentence."""
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    return Finding(
        rule=rule,
        severity=severity,
        message="\n".join([message + (":" if lines else ""), *lines[:_SHOWN], *more]),
        module=None if key is None else key.module,
        revision=key,
        help=remedy,
    )
