"""A small snapshot made by hand, with something in every place."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from coordinator.model.acceptance import Acceptance
from coordinator.model.catalog import Address, Catalog
from coordinator.model.effect import Holding, LastingUse, ObjectKind, ObjectName
from coordinator.model.found import Found, HeadRows
from coordinator.model.hold import Hold
from coordinator.model.known_module import KnownModule
from coordinator.model.lock_table import TableTree
from coordinator.model.names import RevisionKey
from coordinator.model.run import AppliedRevision, Run, RunStatus
from coordinator.model.server_facts import InstalledExtension, ServerFacts
from coordinator.model.snapshot import LeftOutSchema, Snapshot
from coordinator.model.table_size import TableSize
from coordinator.model.unique_key import UniqueKey

MOMENT = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
CUSTOMERS = ObjectName(ObjectKind.RELATION, "crm", "customers")


def facts(**other: Any) -> ServerFacts:
    """Two extensions, three settings, one role."""
    usual = ServerFacts(
        version=150018,
        encoding="UTF8",
        collation_provider="libc",
        collate="en_US.UTF-8",
        ctype="en_US.UTF-8",
        collation_version="2.36",
        provider_version="2.36",
        settings={"DateStyle": "ISO, MDY", "TimeZone": "UTC", "lc_time": "C"},
        extensions=(
            InstalledExtension(name="citext", version="1.6", schema="public"),
            InstalledExtension(name="plpgsql", version="1.0", schema="pg_catalog"),
        ),
        roles=("deploy",),
    )
    return replace(usual, **other)


def snapshot(**other: Any) -> Snapshot:
    """Something in every key of the document."""
    key = RevisionKey("crm", "c1")
    usual = Snapshot(
        made=MOMENT,
        program="0.1.0",
        environment="production",
        database="erp",
        system_identifier=7712249552452089107,
        deployer="deploy",
        facts=facts(),
        schemas=("crm",),
        left_out=(LeftOutSchema(schema="old", why="the role may not read it"),),
        definitions='CREATE SCHEMA crm;\nCREATE TABLE crm."Kunden – ü" (id int);\n',
        roles=("deploy",),
        filled_views=(("crm", "counted"),),
        catalog=Catalog(
            definitions={
                Address("table", "crm", "customers"): "owner deploy",
                Address("column", "crm", "customers", "id"): "integer",
            },
            column_order={Address("table", "crm", "customers"): ("id",)},
        ),
        found=Found(
            rows={
                ("crm", "alembic_version"): HeadRows(heads=frozenset({"c1"}), width=255),
                ("old", "alembic_version"): HeadRows(heads=None),
            },
            recorded=(
                AppliedRevision(
                    key=key,
                    run=1,
                    digest="d1",
                    source="def upgrade():\n    pass\n",
                    parents=(),
                    file="c1.py",
                    changes="[]",
                    grade="reversible",
                    requires=(RevisionKey("hr", "h1"),),
                    effects='{"form": 1}',
                    seconds=0.25,
                    applied=MOMENT,
                ),
            ),
            modules=(KnownModule(name="crm", schemas=("crm",), version_table="crm.alembic_version"),),
            open_runs=(
                Run(
                    number=2,
                    kind="apply",
                    status=RunStatus.UNSETTLED,
                    plan="p",
                    guarantee="g",
                    environment="production",
                    host="",
                    pid=0,
                    started=MOMENT,
                    error="it failed",
                ),
            ),
            holds=(Hold(key=key, run=1, since=MOMENT),),
            acceptances=(
                Acceptance(key=key, digest="d2", reason="typo", role="ana", host="", accepted=MOMENT),
            ),
            ledger_version=2,
            server_version=150018,
            lock_capacity=6400,
            lock_sessions=100,
            table_trees={("crm", "visits"): TableTree(relations=13, indexes=24)},
        ),
        lasting=(LastingUse(holder=ObjectName(ObjectKind.RELATION, "hr", "v"), used=CUSTOMERS),),
        uses=(
            LastingUse(
                holder=ObjectName(ObjectKind.FUNCTION, "crm", "f"),
                used=CUSTOMERS,
                holding=Holding.LATE,
                every=True,
                columns=("id",),
                forces=("id",),
                arguments=("", "text"),
                conflict=UniqueKey(columns=frozenset({"id"}), partial=True),
            ),
        ),
        sizes={("crm", "customers"): TableSize(rows=-1, bytes=8192)},
        secrets=1,
    )
    return replace(usual, **other)


def document(text: str) -> dict[str, Any]:
    """The JSON of a snapshot's file."""
    found: dict[str, Any] = json.loads(text)
    return found
