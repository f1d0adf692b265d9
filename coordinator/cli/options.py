"""Options that several commands share, and the settings made from them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from coordinator.settings.values import Settings

_Command = TypeVar("_Command", bound=Callable[..., Any])


def target_options(command: _Command) -> _Command:
    """--env, --database-url and --wait-server."""
    for option in (
        click.option(
            "--wait-server",
            metavar="DURATION",
            help="How long to wait for a server that does not answer yet, such as 60s.",
        ),
        click.option(
            "--database-url", metavar="URL", help="The target; `embedded:` is the embedded database."
        ),
        click.option("--env", metavar="NAME", help="The environment in the settings (also: MIGRATE_ENV)."),
    ):
        command = option(command)
    return command


atomic_option = click.option(
    "--atomic",
    type=click.Choice(["auto", "run", "step"]),
    help="auto: as much in one transaction as can be; run: all of it, or refuse; step: each by itself.",
)
max_hold_option = click.option(
    "--max-hold",
    metavar="DURATION",
    help="The longest that one transaction may keep others waiting, by the rehearsal's times.  [default: 30s]",
)
wait_option = click.option(
    "--wait", metavar="DURATION", help="How long to wait for another run.  [default: 10m]"
)
check_budget_option = click.option(
    "--check-budget",
    metavar="BUDGET",
    help="How much may be read to see whether rows meet what the plan demands.  [default: 1000000 rows, 10s]",
)
format_option = click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="How to write the result.",
)


def read_settings(**flags: str | None) -> Settings:
    """The settings found from the current directory, with these flags. Raises SettingsError."""
    from coordinator.settings.load import load_settings
    from coordinator.settings.values import Flags

    return load_settings(start=Path.cwd(), environment=os.environ, flags=Flags(**flags))
