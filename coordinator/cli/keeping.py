"""Options about kept data that commands which write share."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from coordinator.settings.values import Settings
    from coordinator.workflow.loss import KeepRequest

_Command = TypeVar("_Command", bound=Callable[..., Any])


def keep_options(command: _Command) -> _Command:
    """--keep-limit, --discard and --keep-personal: parameters `keep_limit`, `discard` and `keep_personal`."""
    for option in (
        click.option(
            "--keep-personal", is_flag=True, help="Keep columns too that the map marks as personal data."
        ),
        click.option(
            "--discard",
            multiple=True,
            metavar="MODULE:REVISION",
            help="Destroy without a copy what this revision destroys; it is written down. May be repeated.",
        ),
        click.option(
            "--keep-limit",
            metavar="SIZE",
            help="The most that the copies of one step's lost data may take.  [default: 100MB]",
        ),
    ):
        command = option(command)
    return command


def keep_request(settings: Settings, *, discard: tuple[str, ...], keep_personal: bool) -> KeepRequest:
    """What these options ask for. Raises UsageError for what names no revision of a known module."""
    from coordinator.model.names import RevisionKey
    from coordinator.workflow.loss import KeepRequest

    keys = []
    for text in discard:
        try:
            key = RevisionKey.parse(text)
        except ValueError as error:
            raise click.UsageError(f"--discard {error}.") from error
        settings.module(key.module)  # raises with the nearest known name
        keys.append(key)
    return KeepRequest(discard=frozenset(keys), keep_personal=keep_personal)
