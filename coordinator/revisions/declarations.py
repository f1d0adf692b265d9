"""Declared names become typed values: each name has one form, a wrong one is told with the wanted form."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from coordinator.model.names import RevisionKey
from coordinator.model.revision import Waiver

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Form: TypeAlias = "Callable[[object], Any]"


class DeclarationError(ValueError):
    """A declared name with a value that it cannot have; the argument is the wanted form."""


def read_declarations(values: Mapping[str, object]) -> tuple[dict[str, Any], dict[str, str]]:
    """The fields of a Revision that these names give, and for each name that is wrong what it must be."""
    fields: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for name, (field, form) in _FORMS.items():
        if values.get(name) is None:
            continue
        try:
            fields[field] = form(values[name])
        except DeclarationError as error:
            wrong[name] = str(error)
    return fields, wrong


def revision_id(value: object) -> str:
    """One revision id."""
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise DeclarationError('a text of printable characters that is not empty, such as "9c41ab"')
    return value


def _names(value: object) -> tuple[str, ...]:
    """One name, or several in a tuple, list or set."""
    several = [value] if isinstance(value, str) else value
    if not isinstance(several, tuple | list | set | frozenset):
        raise DeclarationError("None, a text, or a tuple of texts")
    if not all(isinstance(each, str) and each for each in several):
        raise DeclarationError("None, a text, or a tuple of texts")
    if not all(each.isprintable() for each in several):
        raise DeclarationError("a text of printable characters, or a tuple of such")
    return tuple(sorted(several) if isinstance(several, set | frozenset) else several)


def _keys(value: object) -> tuple[RevisionKey, ...]:
    wanted = 'a list of "module:revision", such as ["crm:9c41ab"]'
    try:
        return tuple(RevisionKey.parse(each) for each in _names(value))
    except ValueError as error:
        raise DeclarationError(wanted) from error


def _seen(value: object) -> tuple[tuple[str, str], ...]:
    wanted = 'a dictionary of modules and their heads, such as {"crm": "9c41ab"}'
    if not isinstance(value, dict) or not all(isinstance(module, str) for module in value):
        raise DeclarationError(wanted)
    try:
        return tuple((module, head) for module, heads in sorted(value.items()) for head in _names(heads))
    except DeclarationError as error:
        raise DeclarationError(wanted) from error


def _reason(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise DeclarationError('the reason, such as "drops the old telephone numbers"')
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise DeclarationError("True or False")
    return value


def _waivers(value: object) -> tuple[Waiver, ...]:
    wanted = 'such as {"rule": ("reason", "2027-03-01")}'
    if not isinstance(value, dict):
        raise DeclarationError(wanted)
    waivers = []
    for rule, given in value.items():
        if not (isinstance(rule, str) and isinstance(given, tuple | list) and len(given) == 2):
            raise DeclarationError(wanted)
        reason, until = given
        if not (isinstance(reason, str) and reason.strip() and isinstance(until, str)):
            raise DeclarationError(wanted)
        try:
            datetime.date.fromisoformat(until)
        except ValueError as error:
            raise DeclarationError(f"{wanted}; {until!r} is no date") from error
        waivers.append(Waiver(rule=rule, reason=reason, until=until))
    return tuple(waivers)


_FORMS: dict[str, tuple[str, Form]] = {
    "down_revision": ("down_revisions", _names),
    "depends_on": ("depends_on", _names),
    "branch_labels": ("branch_labels", _names),
    "requires": ("requires", _keys),
    "seen": ("seen", _seen),
    "touches": ("touches", _names),
    "irreversible": ("irreversible", _reason),
    "deletes_rows": ("deletes_rows", _flag),
    "waive": ("waivers", _waivers),
}
