"""`migrate history`."""

from __future__ import annotations

from pathlib import Path

import click

from coordinator.cli.options import format_option, read_settings, target_options


@click.command("history")
@click.argument("run", required=False, type=click.IntRange(min=1), metavar="[RUN]")
@target_options
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, help="How many runs to list."
)
@click.option(
    "--report", is_flag=True, help="Show the incident report of a run that failed, as Markdown or JSON."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Write the report to a file.",
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
    report: bool,
    output: Path | None,
    form: str,
) -> int:
    """Show the latest runs, or one run: every step with its status, time and error.

    With --report, show what is known about the failure of a run: cause, sessions, locks, outcome, what to do.

    Only reads: a role that may SELECT is enough.
    """
    import json

    from coordinator.cli.document import page, write_file, write_json, write_text
    from coordinator.cli.progress import Progress
    from coordinator.reports.history_json import run_with_steps_as_json, runs_as_json
    from coordinator.reports.history_text import history_text, run_text
    from coordinator.reports.incident_markdown import incident_markdown
    from coordinator.workflow.history import read_history, read_run
    from coordinator.workflow.incidents import read_report

    if (report and run is None) or (output is not None and not report):
        raise click.UsageError("--output goes with --report, and --report with the number of a run")
    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server)
    if report and run is not None:
        with Progress(verbose=bool(context.obj["verbose"])) as progress:
            document = read_report(settings, progress, run)
        text = (
            json.dumps(document, indent=2, ensure_ascii=False) + "\n"
            if form == "json"
            else incident_markdown(document)
        )
        write_text(text) if output is None else write_file(output, text)
        return 0
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
