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
    touched: Collection[tuple[str, str]] | None = None,
) -> tuple[Finding, ...]:
    """Compare what the applied revisions make with what is there, module by module, inside the modules' schemas.

    A difference of definitions is an error; other privileges, or another order of columns, a warning for each module.
    `made_elsewhere` are objects (schema, name, part) that revisions make which were not run for `expected`. `touched` are
    those (schema, name) that somebody is about to change or use; what else differs is then a warning. None: all of them.
    """
    return tuple(
        finding
        for module in modules
        for finding in _of_module(module, expected, found, frozenset(made_elsewhere), touched)
    )


def _of_module(
    module: Module,
    expected: Catalog,
    found: Catalog,
    made_elsewhere: frozenset[tuple[str, str, str]],
    touched: Collection[tuple[str, str]] | None,
) -> Iterator[Finding]:
    def wanted(address: Address) -> bool:
        return address.schema in module.schemas and not _is_made_elsewhere(address, made_elsewhere)

    here, there = _bare(found.where(wanted)), _bare(expected.where(wanted))
    difference = here.difference(there)
    gone = [each for each in difference.dropped if not _is_granted(each)]
    more = [each for each in difference.created if not _is_granted(each)]
    other = [each for each in difference.changed if not _is_granted(each.address)]
    sentences = [
        *((each, f"{each} is there, and no revision makes it") for each in without_parts(more)),
        *((each, f"{each} is missing, and revisions make it") for each in without_parts(gone)),
        *((each.address, _changed(each)) for each in other),
    ]
    graded = [(_severity(address, touched), sentence) for address, sentence in sentences]
    graded.sort(
        key=lambda each: each[0] is not Severity.ERROR
    )  # what matters is told before the rest is counted
    yield from (_drifted(module, sentence, severity) for severity, sentence in graded[:_TOLD])
    if rest := graded[_TOLD:]:
        yield _drifted(module, f"{len(rest)} more things are not as the revisions make them", rest[0][0])
    if granted := [each for each in (*difference.dropped, *difference.created) if _is_granted(each)] + [
        each.address for each in difference.changed if _is_granted(each.address)
    ]:
        yield _privileges(module, granted)
    if difference.column_order_changed:
        yield _order(module, difference.column_order_changed)


def _severity(address: Address, touched: Collection[tuple[str, str]] | None) -> Severity:
    """What nobody is about to touch may be another; it is told all the same."""
    concerned = touched is None or (address.schema, address.name) in touched
    return Severity.ERROR if concerned else Severity.WARNING


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


def _drifted(module: Module, sentence: str, severity: Severity) -> Finding:
    return Finding(
        rule=RULE,
        severity=severity,
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
