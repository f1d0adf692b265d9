"""`migrate release`."""

from __future__ import annotations

import click

from coordinator.cli.options import format_option, read_settings, target_options, wait_option


@click.command("release")
@click.argument("revisions", nargs=-1, metavar="MODULE:REVISION...")
@target_options
@click.option("--all", "everything", is_flag=True, help="Release all that is on hold.")
@wait_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    revisions: tuple[str, ...],
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    everything: bool,
    wait: str | None,
    form: str,
) -> int:
    """Let revisions be applied again that `migrate rollback` put on hold.

    The next `migrate all-modules` that has their files applies them. What is not on hold is left as it is.
    """
    from coordinator.cli.document import page, telling, write_json, write_text
    from coordinator.cli.progress import Progress
    from coordinator.reports.release_text import release_as_json, release_text
    from coordinator.workflow.rolling_back.release import release

    if everything == bool(revisions):
        raise click.UsageError("name the revisions, as MODULE:REVISION, or say --all.")
    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server, wait=wait)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        report = release(settings, progress, names=revisions, everything=everything)
    with telling(done=True):
        if form == "json":
            write_json(release_as_json(report), settings)
        else:
            write_text(release_text(report, page()))
    return 0
