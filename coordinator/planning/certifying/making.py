"""A certificate from a rehearsal and all that it stood on. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from coordinator.model.certificate import LONGEST, Certificate, CertifiedStep, StartingPoint
from coordinator.model.definition import Made, definition_of, of_any_role
from coordinator.planning.certifying.scope import scope_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from coordinator.model.capture import InputFile
    from coordinator.model.catalog import Catalog
    from coordinator.model.certificate import CertifiedModule, CertifiedTarget
    from coordinator.model.effect import LastingUse, RevisionEffects
    from coordinator.model.module import Module
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan, Step
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.model.server_facts import ServerFacts

# A machine whose clock is a little behind shall not find the certificate made in its future.
CLOCKS_APART = timedelta(minutes=5)
VALID_FOR = timedelta(seconds=LONGEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a certificate is made of.

    `files` names each revision's own file as `inputs` do; `digests` are those of its code; `effects` both directions'.
    `start` is the catalog before the first step, as `start_role` saw it where it made its objects.
    """

    program: str
    made: datetime
    valid_for: timedelta
    target: CertifiedTarget
    plan: RunPlan
    rehearsal: Rehearsal
    modules: tuple[Module, ...]
    certified_modules: tuple[CertifiedModule, ...]
    files: Mapping[RevisionKey, str]
    digests: Mapping[RevisionKey, str]
    inputs: Mapping[RevisionKey, tuple[InputFile, ...]]
    unknown: Mapping[RevisionKey, tuple[str, ...]]
    effects: Sequence[Mapping[RevisionKey, RevisionEffects]]
    uses: tuple[LastingUse, ...]
    start: Catalog
    start_role: str
    staging: ServerFacts
    server: ServerFacts | None


def make_certificate(material: Material) -> Certificate:
    """The certificate; nothing of it is looked up."""
    scope = scope_of(material.plan, material.rehearsal, material.effects, material.uses, material.modules)
    return Certificate(
        program=material.program,
        made=material.made,
        not_before=material.made - CLOCKS_APART,
        expires=material.made + material.valid_for,
        target=material.target,
        plan=material.plan.digest,
        atomicity=material.plan.atomicity,
        segments=tuple(
            tuple(_step(material, step) for step in segment.steps) for segment in material.plan.segments
        ),
        modules=material.certified_modules,
        start=StartingPoint(
            objects={
                of_any_role(address, material.start_role): definition_of(address, text, material.start_role)
                for address, text in material.start.definitions.items()
            },
            bound=frozenset(scope.bound),
            whole=frozenset(scope.whole),
            schemas=frozenset(
                {each.schema for each in material.start.definitions}
                | {schema for module in material.modules for schema in module.schemas}
            ),
        ),
        rehearsal=material.rehearsal,
        staging=material.staging,
        server=material.server,
    )


def _step(material: Material, step: Step) -> CertifiedStep:
    rehearsed = material.rehearsal.step(step.key)
    inputs = {each.path: each for each in material.inputs.get(step.key, ())}
    if rehearsed is not None:
        inputs |= {each.path: each for each in rehearsed.inputs}
    return CertifiedStep(
        key=step.key,
        transactional=step.transactional,
        file=material.files[step.key],
        digest=material.digests[step.key],
        inputs=tuple(inputs[path] for path in sorted(inputs)),
        made=Made() if rehearsed is None else rehearsed.made,
        unknown=material.unknown.get(step.key, ()),
    )
