"""`migrate impact`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.options import read_settings, target_options

if TYPE_CHECKING:
    from coordinator.model.impact import ImpactReport
    from coordinator.settings.values import Settings


@click.command("impact")
@click.argument("module")
@target_options
@click.option(
    "--since",
    metavar="GITREF",
    help="Look at what was added since the branch left this ref [default: the default branch].",
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Compare with a snapshot instead of the target.",
)
@click.option("--no-database", is_flag=True, help="Ask no database, though the settings name one.")
@click.option("--live", is_flag=True, help="Look through pg_stat_statements of the target too.")
@click.option(
    "--fail-on",
    type=click.Choice(["breaks", "degrades", "never"]),
    default="breaks",
    show_default=True,
    help="From which verdict on the exit code is 1.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to write the report.",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    module: str,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    since: str | None,
    baseline: Path | None,
    no_database: bool,
    live: bool,
    fail_on: str,
    form: str,
) -> int:
    """Show who uses what MODULE's new revisions change: views, keys, functions, other modules' code and revisions.

    For each: safe, degrades or breaks, and why; whom to ask, and a way out. Only reads. Exit code 1 when something
    breaks.
    """
    from coordinator.cli.progress import Progress
    from coordinator.workflow.impact.opening import Wish, impact

    if no_database and (baseline is not None or live):
        raise click.UsageError("--no-database asks nothing: leave --baseline and --live away.")
    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server)
    wish = Wish(
        since=since, snapshot=baseline, live=live, offline=no_database, named=database_url is not None
    )
    verbose = bool(context.obj["verbose"])
    with Progress(verbose=verbose) as progress:
        report = impact(settings, module, wish, progress)
    _show(report, settings, form, verbose=verbose)
    return _exit_code(report, fail_on)


def _exit_code(report: ImpactReport, fail_on: str) -> int:
    from coordinator.model.impact import Verdict

    if fail_on == "never":
        return 0
    return 0 if report.verdict < Verdict(fail_on) else 1


def _show(report: ImpactReport, settings: Settings, form: str, *, verbose: bool) -> None:
    from coordinator.cli.document import from_root, page, write_json, write_text
    from coordinator.reports.impact.json_ import impact_as_json
    from coordinator.reports.impact.markdown import impact_markdown
    from coordinator.reports.impact.text import impact_text

    match form:
        case "json":
            write_json(impact_as_json(report), settings)
        case "markdown":
            write_text(from_root(impact_markdown(report), settings))
        case _:
            write_text(impact_text(report, page(), verbose=verbose))
