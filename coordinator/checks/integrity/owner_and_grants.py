"""A new table belongs to the owner of the others around it, and whoever may use all of those may use it too."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.checks.integrity.finding import found
from coordinator.model.capture import Direction
from coordinator.model.catalog import Address
from coordinator.model.finding import Severity

if TYPE_CHECKING:
    from coordinator.model.catalog import Catalog
    from coordinator.model.check import StepFacts
    from coordinator.model.finding import Finding
    from coordinator.postgres.session import Session

_KINDS = {"table": "grants on table", "view": "grants on table", "sequence": "grants on sequence"}
_PLURALS = {"table": "tables", "view": "views", "sequence": "sequences"}
# One line of a definition of grants: the role, what it may do, and perhaps who said so.
_GRANT = re.compile(r"(?P<role>.+): (?P<rights>[A-Z][A-Za-z, ]*?)(?: by .+)?")
_OF_THE_APPLICATION = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "USAGE"})
_FEW = 2  # with fewer others there is no habit to keep


@dataclass(frozen=True, slots=True)
class OwnerAndGrants:
    """Compares what a step created with its neighbours of the same kind in the same schema.

    Another owner is a violation: the next ALTER TABLE by the schema's owner will be refused. A missing right is a
    warning, for it may be meant, or granted later. Partitions are left out: one reads them through their parent.
    """

    name: str = "owner-and-grants"

    def run(self, session: Session, facts: StepFacts, before: Catalog, after: Catalog) -> tuple[Finding, ...]:
        """Findings for each new table, view and sequence."""
        if facts.step.direction is Direction.DOWNGRADE:
            return ()
        new = [each for each in after.difference(before).created if each.kind in _KINDS]
        neighbours = {
            (each.kind, each.schema): _neighbours(each, after, frozenset(new))
            for each in new
            if _counts(each, after)
        }
        return tuple(
            finding
            for each in new
            for finding in self._compare(facts, each, neighbours.get((each.kind, each.schema), ()), after)
        )

    def _compare(
        self, facts: StepFacts, new: Address, neighbours: tuple[Address, ...], catalog: Catalog
    ) -> tuple[Finding, ...]:
        if not _counts(new, catalog):
            return ()
        owners = {_owner(each, catalog) for each in neighbours}
        owner = _owner(new, catalog)
        findings: tuple[Finding, ...] = ()
        if len(owners) == 1 and owner not in owners:
            findings = (self._other_owner(facts, new, owner, owners.pop(), len(neighbours)),)
        if len(neighbours) < _FEW:
            return findings
        held = Counter(right for each in neighbours for right in _rights(each, catalog))
        missing = {right for right, times in held.items() if times == len(neighbours)} - _rights(new, catalog)
        roles = sorted({role for role, _ in missing if role != owner})
        return (*findings, *(self._missing(facts, new, role, missing, len(neighbours)) for role in roles))

    def _other_owner(self, facts: StepFacts, new: Address, owner: str, usual: str, others: int) -> Finding:
        kinds = _PLURALS[new.kind] if others > 1 else new.kind
        return found(
            self.name,
            facts,
            f"makes {new} with owner {owner}, but the {others} other {kinds} of {new.schema} belong to {usual}:"
            f" {usual} will not be allowed to change or drop it",
            f"set `owner = \"{usual}\"` for module '{facts.module.name}' in the settings,"
            f" or say ALTER {new.kind.upper()} {new.schema}.{new.name} OWNER TO {usual}",
        )

    def _missing(
        self, facts: StepFacts, new: Address, role: str, missing: set[tuple[str, str]], others: int
    ) -> Finding:
        rights = ", ".join(sorted(right for each, right in missing if each == role))
        return found(
            self.name,
            facts,
            f"makes {new}: role {role} has {rights} on {others} of {others + 1} {_PLURALS[new.kind]} of {new.schema};"
            " the new one is missing, so whoever works as that role is refused",
            f"say GRANT {rights} ON {new.schema}.{new.name} TO {role} in the revision,"
            " or set default privileges for the schema",
            severity=Severity.WARNING,
        )


def _neighbours(new: Address, catalog: Catalog, created: frozenset[Address]) -> tuple[Address, ...]:
    return tuple(
        each
        for each in catalog.definitions
        if each.kind == new.kind
        and each.schema == new.schema
        and each not in created
        and _counts(each, catalog)
    )


def _counts(address: Address, catalog: Catalog) -> bool:
    return "\nchild of " not in catalog.definitions[address]


def _owner(address: Address, catalog: Catalog) -> str:
    return catalog.definitions[address].split("\n", 1)[0].removeprefix("owner ")


def _rights(address: Address, catalog: Catalog) -> set[tuple[str, str]]:
    grants = Address(_KINDS[address.kind], address.schema, address.name)
    lines = (_GRANT.fullmatch(line) for line in catalog.definitions.get(grants, "").split("\n"))
    return {
        (line["role"], right)
        for line in lines
        if line is not None
        for right in line["rights"].replace(" with grant option", "").split(", ")
        if right in _OF_THE_APPLICATION
    }
