"""Is what the plan touches or reads as it was when it was rehearsed? Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.baseline import BaselineKind
from coordinator.model.catalog import without_parts
from coordinator.model.definition import definition_of, of_role
from coordinator.model.finding import Finding, Severity
from coordinator.planning.certifying.finding import against
from coordinator.planning.certifying.today import steps_done

if TYPE_CHECKING:
    from coordinator.model.catalog import Address
    from coordinator.model.certificate import Certificate
    from coordinator.model.definition import Definition
    from coordinator.planning.certifying.today import Today

# Extensions are a matter of the server, whose versions are compared by name.
_ELSEWHERE = frozenset({"extension"})


def start_findings(certificate: Certificate, today: Today) -> tuple[Finding, ...]:
    """Differences that void the certificate in one finding, and those that do not in another one."""
    expected = _expected(certificate, today)
    compared = [each for each in {*expected, *today.catalog.definitions} if _is_known(each, certificate)]
    differing = [each for each in compared if _differs(each, expected, today)]
    bound = [each for each in differing if certificate.start.binds(each)]
    others = [each for each in differing if not certificate.start.binds(each)]
    found = []
    if bound:
        message = "what the plan touches or reads is not as it was when it was rehearsed"
        found.append(against("certificate-other-start", message, _sentences(bound, expected, today)))
    if others:
        message = "the target has changed since it was rehearsed, in what the plan neither touches nor reads"
        lines = _sentences(others, expected, today)
        found.append(against("certificate-drift", message, lines, severity=Severity.WARNING))
    return tuple(found)


def _is_known(address: Address, certificate: Certificate) -> bool:
    """Whether the certificate can tell how the object was: of a schema that it never saw, nothing is different.

    Revisions that were run again make what modules have, and nothing of what is there besides.
    """
    if certificate.start.binds(address):
        return True
    return certificate.target.kind is not BaselineKind.REPLAY and address.schema in certificate.start.schemas


def _expected(certificate: Certificate, today: Today) -> dict[Address, Definition]:
    """The starting point, moved on by the steps that are in already."""
    expected = {of_role(each, today.role): found for each, found in certificate.start.objects.items()}
    for step in steps_done(certificate, today):
        for address, definition in step.made.where(today.role).items():
            if definition is None:
                expected.pop(address, None)
            else:
                expected[address] = definition
    return expected


def _differs(address: Address, expected: dict[Address, Definition], today: Today) -> bool:
    if address.kind in _ELSEWHERE:
        return False
    then, text = expected.get(address), today.catalog.definitions.get(address)
    if then is None or text is None:
        made_for_module = then is None and address.kind == "schema" and address.schema in today.made_schemas
        return not made_for_module and (then is not None or text is not None)
    return not then.agrees(definition_of(address, text, today.role))


def _sentences(addresses: list[Address], expected: dict[Address, Definition], today: Today) -> list[str]:
    came = [each for each in addresses if each not in expected]
    went = [each for each in addresses if each not in today.catalog.definitions]
    other = sorted(each for each in addresses if each in expected and each in today.catalog.definitions)
    return [
        *(f"{each} was not there" for each in without_parts(came)),
        *(f"{each} is gone" for each in without_parts(went)),
        *(f"{each} has another definition" for each in other),
    ]
