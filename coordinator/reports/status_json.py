"""What is in a database, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.reports.finding_json import findings_as_json, place_as_json
from coordinator.reports.history_json import run_as_json

if TYPE_CHECKING:
    from coordinator.model.status import DatabaseStatus, ModuleStatus


def status_as_json(status: DatabaseStatus) -> dict[str, object]:
    """The whole status; `atHeads` answers whether this checkout's application may start."""
    return {
        "target": status.target,
        "environment": status.environment,
        "serverVersion": status.server_version,
        "ledgerVersion": status.ledger or None,
        "atHeads": status.at_heads,
        "modules": [_module(each) for each in status.modules],
        "openRuns": [{**run_as_json(each.run), "state": each.state.value} for each in status.open_runs],
        "lockHolder": status.holder,
        "findings": findings_as_json(status.findings),
    }


def _module(module: ModuleStatus) -> dict[str, object]:
    return {
        "module": module.name,
        "present": module.present,
        "heads": list(module.heads),
        "applied": module.applied,
        "total": module.total if module.present else None,
        "pending": [
            {"revision": str(each.key), "message": each.message, "place": place_as_json(each.place)}
            for each in module.pending
        ],
        "ahead": list(module.ahead),
        "unknownHeads": list(module.unknown),
        "appliedOutside": list(module.outside),
    }
