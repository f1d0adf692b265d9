"""A step does on the target what it did when its certificate was made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import found
from coordinator.model.capture import Direction
from coordinator.model.catalog import without_parts
from coordinator.model.definition import made_by

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coordinator.model.capture import InputFile
    from coordinator.model.catalog import Address, Catalog
    from coordinator.model.certificate import CertifiedStep
    from coordinator.model.check import StepFacts
    from coordinator.model.definition import Definition
    from coordinator.model.finding import Finding
    from coordinator.model.names import RevisionKey
    from coordinator.postgres.session import Session

    _Objects = Mapping[Address, Definition | None]

_SHOWN = 6


@dataclass(frozen=True, slots=True)
class AsCertified:
    """In a run by a certificate: each step makes, changes and drops the objects that it did in the rehearsal.

    The statements may be others (a revision may ask the database what to do); what they come to may not. Nor may it
    read a file that the certificate does not list: what it found here led it where nobody has been.
    """

    certified: Mapping[RevisionKey, CertifiedStep]
    files: Mapping[str, frozenset[InputFile]]  # module -> all that its certified steps read
    name: str = "as-certified"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """At most one finding for what it did, and one for what it read."""
        wanted = self.certified.get(facts.step.key)
        if wanted is None or facts.step.direction is not Direction.UPGRADE:
            return ()
        role = str(session.value("SELECT session_user"))
        made = made_by(before, after, role)
        return (
            *self._did(facts, _differing(wanted.made.where(role), made.where(role))),
            *self._read(facts),
        )

    def _did(self, facts: StepFacts, differing: list[str]) -> tuple[Finding, ...]:
        if not differing:
            return ()
        return (
            found(
                self.name,
                facts,
                f"did something else than in its rehearsal: {_listed(differing)}",
                "look what the revision asks of the database and found otherwise here,"
                " and let it make the same whatever it finds",
            ),
        )

    def _read(self, facts: StepFacts) -> tuple[Finding, ...]:
        """A file of another revision of the module may count too: what a helper reads once counts for all."""
        known = self.files.get(facts.step.key.module, frozenset())
        strange = [each.path for each in facts.inputs if each not in known]
        if not strange:
            return ()
        return (
            found(
                self.name,
                facts,
                f"read what is not in its certificate: {_listed(strange)}",
                "read it in every case, so that it is rehearsed",
            ),
        )


def as_certified(certified: Mapping[RevisionKey, CertifiedStep]) -> AsCertified:
    """The check for the steps of one certificate."""
    files: dict[str, set[InputFile]] = {}
    for key, step in certified.items():
        files.setdefault(key.module, set()).update(step.inputs)
    return AsCertified(certified, {module: frozenset(found) for module, found in files.items()})


def _differing(wanted: _Objects, made: _Objects) -> list[str]:
    missed = [each for each in wanted if each not in made]
    besides = [each for each in made if each not in wanted]
    both = sorted(each for each in wanted if each in made)
    return [
        *(f"{each} was {_how(wanted, each)} then, and is not touched now" for each in without_parts(missed)),
        *(f"{each} is {_how(made, each)} now, and was not touched then" for each in without_parts(besides)),
        *(f"{each} comes out otherwise" for each in both if not _agrees(wanted[each], made[each])),
    ]


def _how(objects: _Objects, address: Address) -> str:
    return "dropped" if objects[address] is None else "made or changed"


def _agrees(then: Definition | None, now: Definition | None) -> bool:
    if then is None or now is None:
        return then is now
    return then.agrees(now)


def _listed(sentences: list[str]) -> str:
    more = f"; and {len(sentences) - _SHOWN} more" if len(sentences) > _SHOWN else ""
    return "; ".join(sentences[:_SHOWN]) + more
