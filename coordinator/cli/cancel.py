"""`migrate cancel`."""

from __future__ import annotations

import click

from coordinator.cli.options import format_option, read_settings, target_options


@click.command("cancel")
@click.argument("run", metavar="[RUN]", type=click.IntRange(min=1), required=False)
@target_options
@click.option("--wait", metavar="DURATION", help="How long to wait until the run has ended.  [default: 10m]")
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    run: int | None,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    wait: str | None,
    form: str,
) -> int:
    """Stop the run at work, on whatever host, as Ctrl-C there would; wait until it has ended, and say how.

    A run that has begun to write takes everything back first. One that is taking back already goes on with that.
    """
    from coordinator.cli.document import telling, write_json
    from coordinator.cli.progress import Progress
    from coordinator.cli.terminal import terminal
    from coordinator.workflow.cancel import cancel

    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server, wait=wait)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        report = cancel(settings, run, progress)
    if form == "json":
        document = {
            "target": report.target,
            "environment": report.environment,
            "wasAtWork": report.was_at_work,
            "run": report.run,
            "status": report.status,
            "said": report.said,
        }
        with telling(done=True):
            write_json(document, settings)
        return 0
    out = terminal()
    out.wrapped(report.said, following="  ")
    if report.help:
        out.wrapped(f"next:  {report.help}", following="       ")
    return 0
