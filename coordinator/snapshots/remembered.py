"""What a snapshot holds of version tables and ledger, as JSON values and back again.

Of runs only those that are not over are in it, without the host that ran them.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from coordinator.model.acceptance import Acceptance
from coordinator.model.found import Found, HeadRows
from coordinator.model.hold import Hold
from coordinator.model.known_module import KnownModule
from coordinator.model.lock_table import TableTree
from coordinator.model.names import RevisionKey
from coordinator.model.run import AppliedRevision, Run, RunStatus

if TYPE_CHECKING:
    from collections.abc import Mapping


def found_as_json(found: Found) -> dict[str, Any]:
    """Keys of the snapshot's document."""
    return {
        "lockCapacity": found.lock_capacity,
        "lockSessions": found.lock_sessions,
        "tableTrees": [
            {"schema": schema, "name": name, "relations": tree.relations, "indexes": tree.indexes}
            for (schema, name), tree in sorted(found.table_trees.items())
        ],
        "versionTables": [
            {
                "schema": schema,
                "table": table,
                "rows": None if rows.heads is None else sorted(rows.heads),
                "width": rows.width,
            }
            for (schema, table), rows in sorted(found.rows.items())
        ],
        "ledger": {
            "version": found.ledger_version,
            "modules": [_of_module(each) for each in found.modules],
            "applied": [_of_applied(each) for each in found.recorded],
            "holds": [
                {"key": str(each.key), "run": each.run, "since": _moment_text(each.since)}
                for each in found.holds
            ],
            "acceptances": [_of_acceptance(each) for each in found.acceptances],
            "openRuns": [_of_run(each) for each in found.open_runs],
        },
    }


def found_from_json(value: Mapping[str, Any], *, server_version: int) -> Found:
    """The value of these keys. Raises KeyError, TypeError or ValueError for anything else."""
    ledger = value["ledger"]
    return Found(
        rows=MappingProxyType(
            {
                (str(each["schema"]), str(each["table"])): HeadRows(
                    heads=None if each["rows"] is None else frozenset(str(head) for head in each["rows"]),
                    width=None if each["width"] is None else int(each["width"]),
                )
                for each in value["versionTables"]
            }
        ),
        recorded=tuple(_applied(each) for each in ledger["applied"]),
        modules=tuple(_module(each) for each in ledger["modules"]),
        open_runs=tuple(_run(each) for each in ledger["openRuns"]),
        holds=tuple(
            Hold(key=RevisionKey.parse(each["key"]), run=int(each["run"]), since=_moment(each["since"]))
            for each in ledger["holds"]
        ),
        acceptances=tuple(_acceptance(each) for each in ledger["acceptances"]),
        ledger_version=int(ledger["version"]),
        server_version=server_version,
        lock_capacity=int(value["lockCapacity"]),
        lock_sessions=int(value["lockSessions"]),
        table_trees=MappingProxyType(
            {
                (str(each["schema"]), str(each["name"])): TableTree(
                    relations=int(each["relations"]), indexes=int(each["indexes"])
                )
                for each in value.get("tableTrees", ())
            }
        ),
    )


def _of_module(module: KnownModule) -> dict[str, Any]:
    return {
        "name": module.name,
        "schemas": list(module.schemas),
        "versionTable": module.version_table,
        "owner": module.owner,
    }


def _module(value: Mapping[str, Any]) -> KnownModule:
    return KnownModule(
        name=str(value["name"]),
        schemas=tuple(str(each) for each in value["schemas"]),
        version_table=str(value["versionTable"]),
        owner=value["owner"],
    )


def _of_applied(revision: AppliedRevision) -> dict[str, Any]:
    """Changes and effects are JSON already; here they are values and no texts."""
    return {
        "key": str(revision.key),
        "run": revision.run,
        "digest": revision.digest,
        "parents": list(revision.parents),
        "requires": [str(each) for each in revision.requires],
        "file": revision.file,
        "grade": revision.grade,
        "seconds": revision.seconds,
        "applied": None if revision.applied is None else _moment_text(revision.applied),
        "changes": json.loads(revision.changes or "[]"),
        "effects": None if revision.effects is None else json.loads(revision.effects),
        "source": revision.source.split("\n"),
    }


def _applied(value: Mapping[str, Any]) -> AppliedRevision:
    return AppliedRevision(
        key=RevisionKey.parse(value["key"]),
        run=None if value["run"] is None else int(value["run"]),
        digest=str(value["digest"]),
        parents=tuple(str(each) for each in value["parents"]),
        requires=tuple(RevisionKey.parse(each) for each in value["requires"]),
        file=str(value["file"]),
        grade=str(value["grade"]),
        seconds=float(value["seconds"]),
        applied=None if value["applied"] is None else _moment(value["applied"]),
        changes=json.dumps(value["changes"]),
        effects=None if value["effects"] is None else json.dumps(value["effects"]),
        source="\n".join(str(each) for each in value["source"]),
    )


def _of_acceptance(acceptance: Acceptance) -> dict[str, Any]:
    return {
        "key": str(acceptance.key),
        "digest": acceptance.digest,
        "reason": acceptance.reason,
        "role": acceptance.role,
        "accepted": _moment_text(acceptance.accepted),
    }


def _acceptance(value: Mapping[str, Any]) -> Acceptance:
    return Acceptance(
        key=RevisionKey.parse(value["key"]),
        digest=str(value["digest"]),
        reason=str(value["reason"]),
        role=str(value["role"]),
        host="",
        accepted=_moment(value["accepted"]),
    )


def _of_run(run: Run) -> dict[str, Any]:
    return {
        "number": run.number,
        "kind": run.kind,
        "status": run.status.value,
        "plan": run.plan,
        "guarantee": run.guarantee,
        "environment": run.environment,
        "started": _moment_text(run.started),
        "error": run.error,
        "final": run.final,
    }


def _run(value: Mapping[str, Any]) -> Run:
    return Run(
        number=int(value["number"]),
        kind=str(value["kind"]),
        status=RunStatus(value["status"]),
        plan=str(value["plan"]),
        guarantee=str(value["guarantee"]),
        environment=str(value["environment"]),
        host="",
        pid=0,
        started=_moment(value["started"]),
        error=value["error"],
        final=bool(value["final"]),
    )


def _moment_text(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
