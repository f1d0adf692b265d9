"""`migrate status`."""

from __future__ import annotations

import click

from coordinator.cli.options import format_option, read_settings, target_options


@click.command("status")
@target_options
@click.option(
    "--wait",
    metavar="DURATION",
    help="Wait until every revision of this checkout is in, such as 5m; exit code 1 when it is not by then.",
)
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    wait: str | None,
    form: str,
) -> int:
    """Show what is in and what is pending, module by module, and which runs are not over.

    Only reads: a role that may SELECT is enough. Exit code 0 also when revisions are pending, except with --wait.
    """
    from coordinator.cli.document import page, write_json, write_text
    from coordinator.cli.progress import Progress
    from coordinator.reports.status_json import status_as_json
    from coordinator.reports.status_text import status_text
    from coordinator.workflow.status import read_status

    seconds = 0.0 if wait is None else _seconds(wait)
    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        status = read_status(settings, progress, wait=seconds)
    if form == "json":
        write_json(status_as_json(status), settings)
    else:
        write_text(status_text(status, page()))
    return 0 if wait is None or status.at_heads else 1


def _seconds(text: str) -> float:
    from coordinator.model.durations import parse_duration

    try:
        return parse_duration(text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--wait") from None
