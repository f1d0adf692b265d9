"""`migrate map`: check, show, write and draw the database map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.options import format_option, read_settings
from coordinator.cli.streams import write_document

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.model.built_schema import BuiltSchema
    from coordinator.settings.values import Settings

map_option = click.option(
    "--map",
    "map_path",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The map.  [default: what the settings say, else database_map.md]",
)


@click.group("map")
def command() -> None:
    """Check, show, write or draw the database map."""


@command.command(short_help="Compare the map with what the modules build.")
@map_option
@format_option
@click.pass_context
def check(context: click.Context, *, map_path: Path | None, form: str) -> int:
    """Compare the map with what the revisions of all modules build; exit 1 when they differ.

    The revisions are applied to an empty throw-away database. No target is needed, none is touched.
    """
    from coordinator.cli.document import write_json
    from coordinator.cli.findings import show_findings
    from coordinator.cli.terminal import terminal
    from coordinator.reports.finding_json import findings_as_json
    from coordinator.workflow.map import check_map

    settings = read_settings()
    result = check_map(
        map_path or settings.map, settings.modules, _built_schema(settings, verbose=context.obj["verbose"])
    )
    if form == "json":
        write_json({"passed": result.passed, "findings": findings_as_json(result.findings)}, settings)
        return 0 if result.passed else 1
    out = terminal()
    show_findings(result.findings, out)
    if result.passed:
        out.line(out.styled("done", "green", bold=True) + ": the map says what the modules build")
        return 0
    out.line(out.styled("error:", "red", bold=True) + " the map does not say what the modules build")
    out.line("next:  mend the map by hand, or bring it up to date with: migrate map write")
    return 1


@command.command(short_help="Show what the map says.")
@map_option
@format_option
def show(*, map_path: Path | None, form: str) -> int:
    """Show what the map says, as it was understood. Needs no database."""
    from coordinator.cli.document import page, write_json, write_text
    from coordinator.reports.map_json import map_as_json
    from coordinator.reports.map_text import map_text
    from coordinator.workflow.map import show_map

    settings = read_settings()
    database_map = show_map(map_path or settings.map)
    if form == "json":
        write_json(map_as_json(database_map), settings)
    else:
        write_text(map_text(database_map, page()))
    return 0


@command.command(short_help="Make the map, or bring it up to date.")
@map_option
@click.option(
    "--output",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write here instead; the map itself stays as it is.",
)
@click.pass_context
def write(context: click.Context, *, map_path: Path | None, output: Path | None) -> int:
    """Make the map from the modules, or bring it up to date; prose between its parts stays.

    The revisions are applied to an empty throw-away database. No target is needed, none is touched.
    """
    from coordinator.cli.terminal import terminal
    from coordinator.workflow.map import write_map

    settings = read_settings()
    built = _built_schema(settings, verbose=context.obj["verbose"])
    written = write_map(map_path or settings.map, settings.modules, built, output=output)
    out = terminal()
    done = out.styled("done", "green", bold=True)
    if written.changed:
        out.line(f"{done}: {written.path} is up to date; look at what changed before you commit it")
    else:
        out.line(f"nothing to do: {written.path} is up to date")
    return 0


@command.command(short_help="Draw the map as mermaid.")
@map_option
@click.option(
    "--format",
    "form",
    type=click.Choice(["mermaid"]),
    default="mermaid",
    show_default=True,
    help="The picture's language.",
)
@click.option("--tables", is_flag=True, help="Draw tables and their columns instead of modules.")
def graph(*, map_path: Path | None, form: str, tables: bool) -> int:
    """Draw the map: modules and who needs whom, or with --tables every table. Needs no database."""
    from coordinator.workflow.map import draw_map

    write_document(draw_map(map_path or read_settings().map, tables=tables))
    return 0


def _built_schema(settings: Settings, *, verbose: bool) -> Callable[[], BuiltSchema]:
    """What the modules build, asked for only once the map has been read."""

    def build() -> BuiltSchema:
        from coordinator.cli.progress import Progress
        from coordinator.cli.terminal import terminal
        from coordinator.workflow.built_schema import build_schema

        if verbose:
            with Progress(verbose=True) as progress:
                return build_schema(settings, progress)
        terminal().line("building all modules in an empty throw-away database")
        return build_schema(settings, lambda event: None)

    return build
