"""What a role may and lacks, as people read it and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.model.rights import RightKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coordinator.model.rights import NeededRights, Right, RightsReport
    from coordinator.reports.page import Page

_SHOWN_TABLES = 2


def rights_text(report: RightsReport, page: Page) -> str:
    """A block for each group of commands, and the statements that would give what is missing."""
    kind = ", a superuser" if report.superuser else ""
    lines = [f"role {report.role}{kind}", ""]
    for needed in report.needs:
        lines.extend(_block(needed, page))
    if report.complete:
        lines.extend(("", page.paint("nothing is missing", "green")))
    else:
        lines.extend(("", "to give what is missing, as a superuser or the objects' owner:"))
    for needed in report.needs:
        if needed.statements:
            lines.append(f"  -- {needed.need.value}")
            lines.extend(f"  {each}" for each in needed.statements)
    return "\n".join(lines) + "\n"


def _block(needed: NeededRights, page: Page) -> Iterator[str]:
    if not needed.missing:
        yield f"{page.paint('may', 'green')}    {needed.need.value}"
        return
    yield f"{page.paint('lacks', 'red')}  {needed.need.value}"
    for why, rights in _by_reason(needed).items():
        told = ", ".join(_told(rights))
        yield from page.wrapped(f"{why}: {told}", first=" " * 7, then=" " * 9)


def _by_reason(needed: NeededRights) -> dict[str, list[Right]]:
    groups: dict[str, list[Right]] = {}
    for right in needed.missing:
        groups.setdefault(right.why, []).append(right)
    return groups


def _told(rights: list[Right]) -> Iterator[str]:
    """Each right; tables of one schema that lack the same privilege are counted when they are many."""
    tables: dict[tuple[str, str], list[Right]] = {}
    for right in rights:
        if right.kind is RightKind.TABLE:
            tables.setdefault((right.privilege, right.name[0]), []).append(right)
        else:
            yield right.sentence
    for (privilege, schema), found in tables.items():
        if len(found) > _SHOWN_TABLES:
            yield f"{privilege} on {len(found)} tables of schema '{schema}'"
        else:
            yield from (each.sentence for each in found)


def rights_as_json(report: RightsReport) -> dict[str, object]:
    """The same for machines, with every right that is wanted."""
    return {
        "target": report.target,
        "environment": report.environment,
        "role": report.role,
        "superuser": report.superuser,
        "complete": report.complete,
        "needs": [
            {
                "commands": needed.need.value,
                "may": not needed.missing,
                "missing": [
                    {"right": each.sentence, "holder": each.holder, "why": each.why}
                    for each in needed.missing
                ],
                "statements": list(needed.statements),
            }
            for needed in report.needs
        ],
    }
