"""Which rules a revision can waive: every rule whose findings are held against its `waive`."""

from __future__ import annotations

from typing import Final

from coordinator.checks.integrity.registry import INTEGRITY_CHECKS
from coordinator.model.module_rules import MODULE_RULES
from coordinator.model.precondition import PreconditionKind
from coordinator.model.squawk_rules import SQUAWK_RULES, UNREAD

# Of what is found by a plan, a rehearsal, an impact or a look at the target's rows, and not by a check of these packages.
_ELSEWHERE: Final = frozenset(
    {
        "irreversible-step",
        "downgrade-fails",
        "downgrade-leaves-traces",
        "upgrade-fails-again",
        "loss-before-commit",
        "impact-breaks",
        "impact-degrades",
        *(kind.value for kind in PreconditionKind),
    }
)

LINT_RULES: Final[frozenset[str]] = frozenset({*MODULE_RULES, *SQUAWK_RULES, UNREAD})


def waivable(preflight: frozenset[str]) -> frozenset[str]:
    """All of them; `preflight` are the names of the preflight checks, whose list is above this file."""
    return LINT_RULES | preflight | _ELSEWHERE | {check.name for check in INTEGRITY_CHECKS}
