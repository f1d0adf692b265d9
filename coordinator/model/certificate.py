"""A certificate: what was rehearsed, from which files, on what, starting where, and what each step then did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from coordinator.model.baseline import BaselineKind
    from coordinator.model.capture import InputFile
    from coordinator.model.catalog import Address
    from coordinator.model.definition import Definition, Made
    from coordinator.model.names import RevisionKey
    from coordinator.model.plan import Atomicity
    from coordinator.model.rehearsal import Rehearsal
    from coordinator.model.server_facts import ServerFacts

FORMAT = 1
LONGEST = 7 * 86_400.0  # seconds that a certificate may be valid: what it saw grows old


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedStep:
    """One step of the order that ran. `unknown` says why its statements may differ where it is applied."""

    key: RevisionKey
    transactional: bool
    file: str  # the revision's own, as in `inputs`
    digest: str  # of its code, as the ledger keeps it
    inputs: tuple[InputFile, ...]
    made: Made
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleOrigin:
    """The repository that a module's files came from; None where it has no remote, or nothing is committed yet.

    `dirty`: something in the folder was not committed.
    """

    remote: str | None
    commit: str | None
    dirty: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedModule:
    """One module as it was rehearsed: where its files came from, with what they ran, and what was in.

    `options` are those of its env.py that shape names; `tools` the versions of python, alembic and sqlalchemy.
    """

    name: str
    schemas: tuple[str, ...]
    version_table: str
    heads: tuple[str, ...]
    applied: tuple[str, ...]
    origin: ModuleOrigin | None = None  # None: not in a repository
    options: Mapping[str, str] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartingPoint:
    """The objects that were there before the first step.

    `bound` are names (schema, name) of what the plan touches or reads, `whole` schemas of which that is not known: a
    difference in either voids the certificate. A difference elsewhere is only reported.
    """

    objects: Mapping[Address, Definition]
    bound: frozenset[tuple[str, str]]
    whole: frozenset[str]
    schemas: frozenset[str]  # those that were looked at; "" for what lies in none

    def binds(self, address: Address) -> bool:
        """Whether the plan depends on the object with this address."""
        if address.schema in self.whole:
            return True
        if address.kind == "default privileges":  # what a role makes there begins with them
            return not address.schema or any(schema == address.schema for schema, _ in self.bound)
        return (address.schema, address.name) in self.bound or (
            bool(address.part) and (address.schema, address.part) in self.bound
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertifiedTarget:
    """Of which database the starting point is. Identifier and name are empty where no database stands behind it."""

    kind: BaselineKind
    shown: str
    environment: str
    system_identifier: str = ""
    database: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What was rehearsed. It covers these steps, from these files, in this order, from this starting point.

    `staging` is the server of the rehearsal, `server` the one that the starting point was read from (None: none was).
    """

    program: str
    made: datetime
    not_before: datetime
    expires: datetime
    target: CertifiedTarget
    plan: str  # the plan's digest
    atomicity: Atomicity
    segments: tuple[tuple[CertifiedStep, ...], ...]
    modules: tuple[CertifiedModule, ...]
    start: StartingPoint
    rehearsal: Rehearsal
    staging: ServerFacts
    server: ServerFacts | None = None

    @property
    def steps(self) -> tuple[CertifiedStep, ...]:
        """All steps in the order that ran."""
        return tuple(step for segment in self.segments for step in segment)

    @property
    def major(self) -> int:
        """The major version of PostgreSQL that it binds."""
        return self.staging.version // 10000


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """An Ed25519 signature; `key` is the identifier of the public key, both texts."""

    key: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFile:
    """A certificate as its file holds it, with the digest of its content."""

    certificate: Certificate
    digest: str
    body: bytes  # the canonical form, which is what signatures speak of
    signatures: tuple[Signature, ...] = ()
