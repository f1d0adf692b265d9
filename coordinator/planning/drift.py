"""Whether a database is what its applied revisions make of an empty one: what somebody has changed by hand since. Pure."""

from __future__ import annotations

import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from coordinator.model.catalog import Catalog, without_parts
from coordinator.model.finding import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from coordinator.model.catalog import Address, ChangedObject
    from coordinator.model.module import Module

RULE = "drift"
PRIVILEGES = "drift-privileges"
COLUMN_ORDER = "drift-column-order"
_TOLD = 20  # differences of one module; a database that somebody else builds has thousands
_REMEDY = "write a revision that makes it so, or undo by hand what was done by hand; `migrate accept` is about files, not this"
# Who owns what is the matter of who ran the revisions; who may do what is given by administrators. Whether a
# materialized view was filled is data.
_OWNER = re.compile(r"^(?:owner .*|populated|not populated)$\n?", re.MULTILINE)
_GRANTED = ("grants on ", "default privileges")


def drift(
    expected: Catalog,
    found: Catalog,
    modules: Sequence[Module],
    *,
    made_elsewhere: Collection[tuple[str, str, str]] = (),
) -> tuple[Finding, ...]:
    """Compare what the applied revisions make with what is there, module by module, inside the modules' schemas.

    A difference of definitions is an error; other privileges, or another order of columns, a warning for each module.
    `made_elsewhere` are objects (schema, name, part) that revisions make which were not run for `expected`.
    """
    return tuple(
        finding
        for module in modules
        for finding in _of_module(module, expected, found, frozenset(made_elsewhere))
    )


def _of_module(
    module: Module, expected: Catalog, found: Catalog, made_elsewhere: frozenset[tuple[str, str, str]]
) -> Iterator[Finding]:
    def wanted(address: Address) -> bool:
        return address.schema in module.schemas and not _is_made_elsewhere(address, made_elsewhere)

    here, there = _bare(found.where(wanted)), _bare(expected.where(wanted))
    difference = here.difference(there)
    gone = [each for each in difference.dropped if not _is_granted(each)]
    more = [each for each in difference.created if not _is_granted(each)]
    other = [each for each in difference.changed if not _is_granted(each.address)]
    sentences = [
        *(f"{each} is there, and no revision makes it" for each in without_parts(more)),
        *(f"{each} is missing, and revisions make it" for each in without_parts(gone)),
        *(_changed(each) for each in other),
    ]
    yield from (_drifted(module, each) for each in sentences[:_TOLD])
    if len(sentences) > _TOLD:
        yield _drifted(module, f"{len(sentences) - _TOLD} more things are not as the revisions make them")
    if granted := [each for each in (*difference.dropped, *difference.created) if _is_granted(each)] + [
        each.address for each in difference.changed if _is_granted(each.address)
    ]:
        yield _privileges(module, granted)
    if difference.column_order_changed:
        yield _order(module, difference.column_order_changed)


def _is_made_elsewhere(address: Address, made: frozenset[tuple[str, str, str]]) -> bool:
    """The object itself, or a part of a relation that was made elsewhere."""
    return bool(made) and (
        (address.schema, address.name, address.part) in made or (address.schema, address.name, "") in made
    )


def _bare(catalog: Catalog) -> Catalog:
    return replace(
        catalog,
        definitions=MappingProxyType(
            {address: _OWNER.sub("", text) for address, text in catalog.definitions.items()}
        ),
        versions=MappingProxyType({}),
    )


def _is_granted(address: Address) -> bool:
    return address.kind.startswith(_GRANTED)


def _changed(change: ChangedObject) -> str:
    made, is_so = change.lines
    if not made:
        return f"{change.address} has {_shown(is_so)}, which no revision gives it"
    if not is_so:
        return f"{change.address} lacks {_shown(made)}, which revisions give it"
    return f"{change.address} has {_shown(is_so)}, and revisions give it {_shown(made)}"


def _shown(lines: tuple[str, ...]) -> str:
    text = ", ".join(f"“{' '.join(line.split())}”" for line in lines)
    return text if len(text) <= 160 else f"{text[:159]}…"


def _drifted(module: Module, sentence: str) -> Finding:
    return Finding(
        rule=RULE,
        module=module.name,
        message=f"module {module.name!r} is not what its applied revisions make: {sentence}",
        help=_REMEDY,
    )


def _privileges(module: Module, addresses: Sequence[Address]) -> Finding:
    named = ", ".join(str(each) for each in sorted(addresses)[:3])
    more = f" and {len(addresses) - 3} more" if len(addresses) > 3 else ""
    return Finding(
        rule=PRIVILEGES,
        severity=Severity.WARNING,
        module=module.name,
        message=f"module {module.name!r} has other privileges than its applied revisions give: {named}{more}",
        help="fine where administrators give them; a revision that relies on them runs only there",
    )


def _order(module: Module, tables: Sequence[Address]) -> Finding:
    named = ", ".join(str(each) for each in tables[:3])
    more = f" and {len(tables) - 3} more" if len(tables) > 3 else ""
    return Finding(
        rule=COLUMN_ORDER,
        severity=Severity.WARNING,
        module=module.name,
        message=f"the columns of {named}{more} stand in another order than the revisions of {module.name!r} make",
        help="only `SELECT *`, INSERT without a list of columns, and COPY see it",
    )
