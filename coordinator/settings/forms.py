"""The forms a setting can have: each turns a raw value into a typed one, or says which form is wanted."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from coordinator.model.check_budget import WANTED_BUDGET, CheckBudget, parse_budget
from coordinator.model.durations import WANTED, parse_duration
from coordinator.model.forecast import WANTED_THROUGHPUT, Throughput, parse_throughput
from coordinator.model.plan import Atomicity
from coordinator.model.sizes import WANTED_SIZE, parse_size
from coordinator.settings.values import StagingKind, WhenAhead, suggest

if TYPE_CHECKING:
    import enum
    from collections.abc import Callable, Mapping

    from coordinator.settings.source import Source

Form: TypeAlias = "Callable[[object], Any]"
_Name = TypeVar("_Name", bound="enum.Enum")

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


class WrongFormError(ValueError):
    """A value that does not have the wanted form; the argument says which form that is."""


@dataclass(slots=True)
class Problems:
    """All that is wrong with the settings, gathered so that it is told at once."""

    source: Source
    lines: list[str] = field(default_factory=list)

    def add(self, at: tuple[str, ...], message: str) -> None:
        """A problem at a key of the settings' file."""
        self.lines.append(f"{self.source.where(*at)}: {message}")

    def add_elsewhere(self, message: str) -> None:
        """A problem of a flag, a variable or a folder."""
        self.lines.append(message)


def read_table(
    raw: object, forms: Mapping[str, Form], at: tuple[str, ...], problems: Problems
) -> dict[str, Any]:
    """The typed values of a table's known keys; everything else becomes a problem."""
    if not isinstance(raw, dict):
        problems.add(at, f"{'.'.join(at)!r} must be a table.")
        return {}
    values: dict[str, Any] = {}
    for key, value in raw.items():
        form = forms.get(key)
        if form is None:
            place = f"in [{'.'.join(at)}]" if at else "in the settings"
            problems.add((*at, key), f"Unknown key {key!r} {place}. {suggest(key, list(forms))}")
            continue
        try:
            values[key] = form(value)
        except WrongFormError as error:
            problems.add((*at, key), f"{key!r} must be {error}.")
    return values


def any_table(value: object) -> dict[str, Any]:
    """A table that is looked at later."""
    if not isinstance(value, dict):
        raise WrongFormError("a table")
    return value


def text(value: object) -> str:
    """A text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise WrongFormError("a text that is not empty")
    return value


def texts(value: object) -> tuple[str, ...]:
    """A list of texts."""
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise WrongFormError('a list of texts such as ["one", "two"]')
    return tuple(value)


def some_texts(value: object) -> tuple[str, ...]:
    """A list of texts with at least one."""
    found = texts(value)
    if not found:
        raise WrongFormError('a list with at least one text, such as ["crm"]')
    return found


def command(value: object) -> tuple[str, ...]:
    """A program and its arguments, as a list or as one text that is split as a shell would; none is run."""
    if isinstance(value, str):
        try:
            value = shlex.split(value)
        except ValueError as error:
            raise WrongFormError(f"a command line ({error})") from error
    found = texts(value)
    if not found:
        raise WrongFormError('a command, such as ["aws", "rds", "generate-db-auth-token"]')
    return found


def boolean(value: object) -> bool:
    """true or false; a variable's text may also say yes, no, on, off, 1, 0."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _TRUE + _FALSE:
        return value.lower() in _TRUE
    raise WrongFormError("true or false")


def duration(value: object) -> float:
    """Seconds."""
    if not isinstance(value, str):
        raise WrongFormError(WANTED)
    try:
        return parse_duration(value)
    except ValueError as error:
        raise WrongFormError(WANTED) from error


def size(value: object) -> int:
    """Bytes."""
    if not isinstance(value, str):
        raise WrongFormError(WANTED_SIZE)
    try:
        return parse_size(value)
    except ValueError as error:
        raise WrongFormError(WANTED_SIZE) from error


def check_budget(value: object) -> CheckBudget:
    """Rows and seconds."""
    if not isinstance(value, str):
        raise WrongFormError(WANTED_BUDGET)
    try:
        return parse_budget(value)
    except ValueError as error:
        raise WrongFormError(WANTED_BUDGET) from error


def throughput(value: object) -> Throughput:
    """What a second does of each kind of work."""
    if not isinstance(value, str):
        raise WrongFormError(WANTED_THROUGHPUT)
    try:
        return parse_throughput(value)
    except ValueError as error:
        raise WrongFormError(WANTED_THROUGHPUT) from error


def reference(value: object) -> str:
    """`package.module:attribute`."""
    found = text(value)
    package, colon, attribute = found.partition(":")
    if not (package and colon and attribute):
        raise WrongFormError('of the form "package.module:metadata"')
    return found


def atomicity(value: object) -> Atomicity:
    return _named(value, Atomicity)


def when_ahead(value: object) -> WhenAhead:
    return _named(value, WhenAhead)


def staging_kind(value: object) -> StagingKind:
    return _named(value, StagingKind)


def _named(value: object, names: type[_Name]) -> _Name:
    for name in names:
        if name.value == value:
            return name
    raise WrongFormError("one of " + ", ".join(f'"{name.value}"' for name in names))
