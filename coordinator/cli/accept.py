"""`migrate accept`."""

from __future__ import annotations

import click

from coordinator.cli.options import format_option, read_settings, target_options, wait_option


@click.command("accept")
@click.argument("revision", metavar="MODULE:REVISION")
@target_options
@click.option(
    "--reason", required=True, metavar="TEXT", help="Why the edit is right; it is kept in the ledger."
)
@wait_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    revision: str,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    reason: str,
    wait: str | None,
    form: str,
) -> int:
    """Accept that the file of an applied revision was edited, as it stands now; a later edit is told again.

    Only the ledger is written. The id may be shortened.
    """
    from coordinator.cli.document import telling, write_json
    from coordinator.cli.progress import Progress
    from coordinator.cli.terminal import terminal
    from coordinator.workflow.accept import Accepted, accept

    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server, wait=wait)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        report = accept(settings, revision, reason, progress)
    if form == "json":
        document = {
            "target": report.target,
            "environment": report.environment,
            "revision": str(report.key),
            "outcome": report.outcome.value,
            "difference": report.difference,
        }
        with telling(done=True):
            write_json(document, settings)
        return 0
    out = terminal()
    for line in report.difference.splitlines():
        out.line(f"  {line}")
    said = {
        Accepted.NOTED: f"accepted: {report.key} as its file stands now",
        Accepted.KNOWN: f"nothing to do: {report.key} was accepted as it stands before",
        Accepted.NO_EDIT: f"nothing to do: {report.key} is as it was applied",
    }
    out.wrapped(said[report.outcome], following="  ")
    return 0
