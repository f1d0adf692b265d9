"""`migrate recover`."""

from __future__ import annotations

import click

from coordinator.cli.keeping import keep_options, keep_request
from coordinator.cli.options import format_option, read_settings, target_options, wait_option


@click.command("recover")
@target_options
@click.option(
    "--abort", is_flag=True, help="Take back, newest first, every step of the run that is still in."
)
@click.option("--resume", is_flag=True, help="Keep what is in; `migrate all-modules` goes on from there.")
@click.option(
    "--end-backend",
    is_flag=True,
    help="First end the server processes that still work for the run, though its client is gone.",
)
@keep_options
@wait_option
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    abort: bool,
    resume: bool,
    end_backend: bool,
    keep_limit: str | None,
    discard: tuple[str, ...],
    keep_personal: bool,
    wait: str | None,
    form: str,
) -> int:
    """Explain and settle a run that was cut off, or that failed and could not be taken back whole.

    With neither --abort nor --resume it says what is in, what is not, and which command goes on: exit code 4 while
    something is unsettled, 0 when nothing is. It then only reads, unless --end-backend asks it to end processes.
    """
    from coordinator.cli.document import page, telling, write_json, write_text
    from coordinator.cli.progress import Progress
    from coordinator.model.recovery import Recovered
    from coordinator.reports.recovery_text import recovery_as_json, recovery_text
    from coordinator.workflow.recover import abort as take_back
    from coordinator.workflow.recover import end_backend as end_only
    from coordinator.workflow.recover import resume as settle
    from coordinator.workflow.unfinished import explain_unfinished

    if abort and resume:
        raise click.UsageError("--abort and --resume exclude each other.")
    settings = read_settings(
        env=env, database_url=database_url, wait_server=wait_server, wait=wait, keep_limit=keep_limit
    )
    keep = keep_request(settings, discard=discard, keep_personal=keep_personal)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        if abort:
            report = take_back(settings, progress, end=end_backend, keep=keep)
        elif resume:
            report = settle(settings, progress, end=end_backend)
        else:
            report = (end_only if end_backend else explain_unfinished)(settings, progress)
    with telling(done=abort or resume):
        if form == "json":
            write_json(recovery_as_json(report), settings)
        else:
            write_text(recovery_text(report, page()))
    return 4 if report.outcome is Recovered.EXPLAINED else 0
