"""What a certificate is held against: the checkout, the plan and the target as they are now."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from coordinator.model.capture import InputFile
    from coordinator.model.catalog import Catalog
    from coordinator.model.certificate import Certificate, CertifiedStep
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import RunPlan
    from coordinator.model.server_facts import ServerFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """The facts of this moment, under the lock.

    `files` are the digests of the certificate's files as they are in this checkout, by module and path; `inputs` what
    the pending revisions were seen to read. `role` is the one that the steps run as.
    """

    now: datetime
    environment: str
    plans: tuple[RunPlan, ...]
    digests: Mapping[RevisionKey, str]  # of the revisions' code
    files: Mapping[tuple[str, str], str]
    inputs: Mapping[RevisionKey, tuple[InputFile, ...]]
    options: Mapping[str, Mapping[str, str]]  # module -> what its env.py configures
    tools: Mapping[str, Mapping[str, str]]  # module -> versions
    applied: Mapping[str, frozenset[str]]
    catalog: Catalog
    role: str
    facts: ServerFacts
    system_identifier: str = ""
    database: str = ""
    program: str = ""
    made_schemas: frozenset[str] = field(default_factory=frozenset)  # that a run makes for its modules

    def is_applied(self, step: CertifiedStep) -> bool:
        """Whether the step's revision is in already."""
        return step.key.revision in self.applied.get(step.key.module, frozenset())


def steps_done(certificate: Certificate, today: Today) -> tuple[CertifiedStep, ...]:
    """The certified steps that are in already."""
    return tuple(step for step in certificate.steps if today.is_applied(step))


def steps_left(certificate: Certificate, today: Today) -> tuple[CertifiedStep, ...]:
    """The certified steps that are still to be applied."""
    return tuple(step for step in certificate.steps if not today.is_applied(step))
