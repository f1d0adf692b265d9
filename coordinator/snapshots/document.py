"""A snapshot as JSON values and back again, exactly. docs/snapshot.md says what each key means."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from coordinator.model.catalog import Address, Catalog
from coordinator.model.effect import Holding, LastingUse, ObjectKind, ObjectName
from coordinator.model.server_facts import ServerFacts
from coordinator.model.snapshot import LeftOutSchema, Snapshot
from coordinator.model.table_size import TableSize
from coordinator.model.unique_key import UniqueKey
from coordinator.snapshots.remembered import found_as_json, found_from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

KIND: Final = "migrate snapshot"


def snapshot_as_json(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot without its format and digest, which the file adds; lists in one order."""
    return {
        "made": snapshot.made.astimezone(UTC).isoformat(timespec="seconds"),
        "program": snapshot.program,
        "environment": snapshot.environment,
        "database": snapshot.database,
        "systemIdentifier": None if snapshot.system_identifier is None else str(snapshot.system_identifier),
        "deployer": snapshot.deployer,
        "server": snapshot.facts.as_json(),
        "schemas": list(snapshot.schemas),
        "leftOut": [{"schema": each.schema, "why": each.why} for each in snapshot.left_out],
        "secretsLeftOut": snapshot.secrets,
        **found_as_json(snapshot.found),
        "sizes": [
            {"schema": schema, "table": table, "rows": size.rows, "bytes": size.bytes}
            for (schema, table), size in sorted(snapshot.sizes.items())
        ],
        "roles": list(snapshot.roles),
        "filledViews": [list(each) for each in snapshot.filled_views],
        "lasting": [_of_use(each) for each in snapshot.lasting],
        "uses": [_of_use(each) for each in snapshot.uses],
        "catalog": [
            {"object": list(address), "definition": text}
            for address, text in sorted(snapshot.catalog.definitions.items())
        ],
        "columnOrder": [
            {"object": list(address), "columns": list(columns)}
            for address, columns in sorted(snapshot.catalog.column_order.items())
        ],
        "definitions": snapshot.definitions.split("\n"),
    }


def snapshot_from_json(value: Mapping[str, Any]) -> Snapshot:
    """The snapshot of `snapshot_as_json`. Raises KeyError, TypeError or ValueError for anything else."""
    facts = ServerFacts.from_json(value["server"])
    identifier = value["systemIdentifier"]
    return Snapshot(
        made=datetime.fromisoformat(value["made"]),
        program=str(value["program"]),
        environment=str(value["environment"]),
        database=str(value["database"]),
        system_identifier=None if identifier is None else int(identifier),
        deployer=str(value["deployer"]),
        facts=facts,
        schemas=_texts(value["schemas"]),
        left_out=tuple(
            LeftOutSchema(schema=str(each["schema"]), why=str(each["why"])) for each in value["leftOut"]
        ),
        definitions="\n".join(_texts(value["definitions"])),
        roles=_texts(value["roles"]),
        filled_views=tuple((str(schema), str(name)) for schema, name in value["filledViews"]),
        catalog=_catalog(value),
        found=found_from_json(value, server_version=facts.version),
        lasting=tuple(_use(each) for each in value["lasting"]),
        uses=tuple(_use(each) for each in value["uses"]),
        sizes=MappingProxyType(
            {
                (str(each["schema"]), str(each["table"])): TableSize(
                    rows=int(each["rows"]), bytes=int(each["bytes"])
                )
                for each in value["sizes"]
            }
        ),
        secrets=int(value["secretsLeftOut"]),
    )


def _catalog(value: Mapping[str, Any]) -> Catalog:
    return Catalog(
        definitions=MappingProxyType(
            {_address(each["object"]): str(each["definition"]) for each in value["catalog"]}
        ),
        column_order=MappingProxyType(
            {_address(each["object"]): _texts(each["columns"]) for each in value["columnOrder"]}
        ),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise TypeError("a list of texts was wanted")
    return tuple(value)


def _address(value: Any) -> Address:
    kind, schema, name, part = _texts(value)
    return Address(kind, schema, name, part)


def _of_use(use: LastingUse) -> dict[str, Any]:
    found: dict[str, Any] = {
        "holder": _of_name(use.holder),
        "used": _of_name(use.used),
        "holding": use.holding.value,
    }
    # Only bodies of text have these; a database has thousands of uses without them.
    found |= {flag: True for flag in _FLAGS if getattr(use, flag)}
    if use.columns is not None:
        found["columns"] = list(use.columns)
    if use.forces:
        found["forces"] = list(use.forces)
    if use.arguments is not None:
        found["arguments"] = list(use.arguments)
    if use.conflict is not None:
        found["conflict"] = _of_key(use.conflict)
    if use.others:
        found["others"] = [_of_name(each) for each in use.others]
    return found


_FLAGS = ("every", "writes", "inserts")


def _use(value: Mapping[str, Any]) -> LastingUse:
    return LastingUse(
        holder=_name(value["holder"]),
        used=_name(value["used"]),
        holding=Holding(value["holding"]),
        columns=_texts(value["columns"]) if "columns" in value else None,
        forces=_texts(value.get("forces", [])),
        arguments=_texts(value["arguments"]) if "arguments" in value else None,
        conflict=_key(value["conflict"]) if "conflict" in value else None,
        others=tuple(_name(each) for each in value.get("others", ())),
        **{flag: value.get(flag) is True for flag in _FLAGS},
    )


def _of_key(key: UniqueKey) -> dict[str, Any]:
    return {"columns": sorted(key.columns), "computed": key.computed, "partial": key.partial}


def _key(value: Mapping[str, Any]) -> UniqueKey:
    return UniqueKey(
        columns=frozenset(_texts(value["columns"])),
        computed=value["computed"] is True,
        partial=value["partial"] is True,
    )


def _of_name(name: ObjectName) -> list[str]:
    return [name.kind.value, name.schema, name.name, name.part]


def _name(value: Any) -> ObjectName:
    kind, schema, name, part = _texts(value)
    return ObjectName(ObjectKind(kind), schema, name, part)
