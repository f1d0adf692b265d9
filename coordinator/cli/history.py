"""`migrate history`."""

from __future__ import annotations

import click

from coordinator.cli.options import format_option, read_settings, target_options


@click.command("history")
@click.argument("run", required=False, type=click.IntRange(min=1), metavar="[RUN]")
@target_options
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs to list."
)
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    run: int | None,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    limit: int,
    form: str,
) -> int:
    """Show the latest runs, or one run: every step with its status, time and error.

    Only reads: a role that may SELECT is enough.
    """
    from coordinator.cli.document import page, write_json, write_text
    from coordinator.cli.progress import Progress
    from coordinator.reports.history_json import run_with_steps_as_json, runs_as_json
    from coordinator.reports.history_text import history_text, run_text
    from coordinator.workflow.history import read_history, read_run

    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        if run is not None:
            found = read_run(settings, progress, run)
            if form == "json":
                write_json(run_with_steps_as_json(found), settings)
            else:
                write_text(run_text(found, page()))
            return 0
        history = read_history(settings, progress, limit=limit)
    if form == "json":
        document = runs_as_json(history.runs, target=history.target, environment=history.environment)
        write_json(document, settings)
    else:
        write_text(history_text(history.runs, exists=history.exists, page=page()))
    return 0
