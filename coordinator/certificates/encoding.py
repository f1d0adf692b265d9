"""A certificate as JSON values and back again, exactly."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from coordinator.certificates.rehearsal_json import rehearsal_as_json, rehearsal_from_json
from coordinator.model.baseline import BaselineKind
from coordinator.model.capture import InputFile
from coordinator.model.catalog import Address
from coordinator.model.certificate import (
    Certificate,
    CertifiedModule,
    CertifiedStep,
    CertifiedTarget,
    ModuleOrigin,
    StartingPoint,
)
from coordinator.model.definition import Definition, Made
from coordinator.model.names import RevisionKey
from coordinator.model.plan import Atomicity
from coordinator.model.server_facts import ServerFacts

if TYPE_CHECKING:
    from collections.abc import Mapping


def certificate_as_json(certificate: Certificate) -> dict[str, object]:
    """The certificate, without digest and signatures."""
    return {
        "program": certificate.program,
        "made": moment_text(certificate.made),
        "notBefore": moment_text(certificate.not_before),
        "expires": moment_text(certificate.expires),
        "target": _target_as_json(certificate.target),
        "plan": certificate.plan,
        "atomicity": certificate.atomicity.value,
        "segments": [[_step_as_json(step) for step in segment] for segment in certificate.segments],
        "modules": [_module_as_json(each) for each in certificate.modules],
        "start": _start_as_json(certificate.start),
        "rehearsal": rehearsal_as_json(certificate.rehearsal),
        "staging": certificate.staging.as_json(),
        "server": None if certificate.server is None else certificate.server.as_json(),
    }


def certificate_from_json(value: Mapping[str, Any]) -> Certificate:
    """The certificate again. Raises KeyError, TypeError, ValueError or IndexError for anything that is none."""
    segments = tuple(tuple(_step(step) for step in segment) for segment in value["segments"])
    return Certificate(
        program=value["program"],
        made=moment(value["made"]),
        not_before=moment(value["notBefore"]),
        expires=moment(value["expires"]),
        target=_target(value["target"]),
        plan=value["plan"],
        atomicity=Atomicity(value["atomicity"]),
        segments=segments,
        modules=tuple(_module(each) for each in value["modules"]),
        start=_start(value["start"]),
        rehearsal=rehearsal_from_json(value["rehearsal"], [step for segment in segments for step in segment]),
        staging=ServerFacts.from_json(value["staging"]),
        server=None if value["server"] is None else ServerFacts.from_json(value["server"]),
    )


def moment_text(when: datetime) -> str:
    """A moment in UTC, to the second: 2026-11-25T02:00:00Z."""
    return f"{when.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def moment(text: str) -> datetime:
    """The moment again. Raises ValueError for another form."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)


def _target_as_json(target: CertifiedTarget) -> dict[str, object]:
    return {
        "kind": target.kind.value,
        "shown": target.shown,
        "environment": target.environment,
        "systemIdentifier": target.system_identifier,
        "database": target.database,
    }


def _target(value: Mapping[str, Any]) -> CertifiedTarget:
    return CertifiedTarget(
        kind=BaselineKind(value["kind"]),
        shown=value["shown"],
        environment=value["environment"],
        system_identifier=value["systemIdentifier"],
        database=value["database"],
    )


def _step_as_json(step: CertifiedStep) -> dict[str, object]:
    return {
        "revision": str(step.key),
        "transactional": step.transactional,
        "file": step.file,
        "digest": step.digest,
        "inputs": {each.path: each.sha256 for each in step.inputs},
        "made": [_object_as_json(*each) for each in sorted(step.made.objects.items())],
        "unknown": list(step.unknown),
    }


def _step(value: Mapping[str, Any]) -> CertifiedStep:
    return CertifiedStep(
        key=RevisionKey.parse(value["revision"]),
        transactional=value["transactional"],
        file=value["file"],
        digest=value["digest"],
        inputs=tuple(InputFile(path=path, sha256=value["inputs"][path]) for path in sorted(value["inputs"])),
        made=Made(objects=dict(_object(each) for each in value["made"])),
        unknown=tuple(value["unknown"]),
    )


def _object_as_json(address: Address, definition: Definition | None) -> list[object]:
    """Address and digest; a second digest where the migrating role's name makes a difference."""
    if definition is None:
        return [*address, None]
    more = [definition.by_any_role] if definition.by_any_role != definition.digest else []
    return [*address, definition.digest, *more]


def _object(value: list[Any]) -> tuple[Address, Definition | None]:
    kind, schema, name, part, digest, *more = value
    definition = None if digest is None else Definition(digest, more[0] if more else digest)
    return Address(kind, schema, name, part), definition


def _there(value: list[Any]) -> tuple[Address, Definition]:
    address, definition = _object(value)
    if definition is None:
        raise ValueError(f"{address} has no definition")
    return address, definition


def _module_as_json(module: CertifiedModule) -> dict[str, object]:
    origin = module.origin
    return {
        "name": module.name,
        "schemas": list(module.schemas),
        "versionTable": module.version_table,
        "heads": list(module.heads),
        "applied": list(module.applied),
        "repository": None
        if origin is None
        else {"remote": origin.remote, "commit": origin.commit, "dirty": origin.dirty},
        "options": dict(module.options),
        "tools": dict(module.tools),
    }


def _module(value: Mapping[str, Any]) -> CertifiedModule:
    repository = value["repository"]
    return CertifiedModule(
        name=value["name"],
        schemas=tuple(value["schemas"]),
        version_table=value["versionTable"],
        heads=tuple(value["heads"]),
        applied=tuple(value["applied"]),
        origin=None if repository is None else ModuleOrigin(**repository),
        options=dict(value["options"]),
        tools=dict(value["tools"]),
    )


def _start_as_json(start: StartingPoint) -> dict[str, object]:
    return {
        "objects": [_object_as_json(*each) for each in sorted(start.objects.items())],
        "bound": [list(each) for each in sorted(start.bound)],
        "whole": sorted(start.whole),
        "schemas": sorted(start.schemas),
    }


def _start(value: Mapping[str, Any]) -> StartingPoint:
    return StartingPoint(
        objects=dict(_there(each) for each in value["objects"]),
        bound=frozenset((schema, name) for schema, name in value["bound"]),
        whole=frozenset(value["whole"]),
        schemas=frozenset(value["schemas"]),
    )
