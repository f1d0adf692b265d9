"""`migrate all-modules`."""

from __future__ import annotations

import sys

import click

from coordinator.cli.keeping import keep_options, keep_request
from coordinator.cli.options import (
    atomic_option,
    check_budget_option,
    format_option,
    max_hold_option,
    read_settings,
    target_options,
    wait_option,
)


@click.command("all-modules")
@target_options
@click.option(
    "--module",
    "only",
    metavar="NAME",
    help="Only this module, with what its pending revisions need of others.",
)
@click.option(
    "--staging",
    metavar="auto|container|embedded|certificate|URL|off",
    help="Where to rehearse; `off` applies unrehearsed.  [default: what the settings say, else auto]",
)
@click.option(
    "--certificate",
    metavar="FILE",
    help="Apply only what this certificate covers, without a rehearsal.",
)
@click.option(
    "--require-certificate",
    is_flag=True,
    help="Apply nothing without a certificate signed by a key of certificate_keys.",
)
@atomic_option
@wait_option
@max_hold_option
@check_budget_option
@click.option(
    "--trace",
    is_flag=True,
    help="Note in the rehearsal what each statement locks, writes anew and reads, and say what that means here.",
)
@keep_options
@click.option("--retry", is_flag=True, help="Try once more what failed before for a reason of code or data.")
@click.option("--dry-run", is_flag=True, help="Plan and look for what is wrong, then stop.")
@click.option("--yes", is_flag=True, help="Ask nothing. Never consents to the loss of data.")
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    only: str | None,
    staging: str | None,
    certificate: str | None,
    require_certificate: bool,
    atomic: str | None,
    check_budget: str | None,
    wait: str | None,
    max_hold: str | None,
    keep_limit: str | None,
    discard: tuple[str, ...],
    keep_personal: bool,
    trace: bool,
    retry: bool,
    dry_run: bool,
    yes: bool,
    form: str,
) -> int:
    """Order, rehearse and apply all pending revisions of all modules; everything back if any step fails.

    Safe to start from every replica at once: one applies, the others wait and find nothing to do.
    """
    from coordinator.cli.progress import Progress
    from coordinator.cli.summary import show_report
    from coordinator.settings.values import EmbeddedTarget
    from coordinator.workflow.all_modules import Request, all_modules, wanted_certificate, wanted_staging

    settings = read_settings(
        env=env,
        database_url=database_url,
        wait_server=wait_server,
        staging=staging,
        certificate=certificate,
        require_certificate="true" if require_certificate else None,
        atomic=atomic,
        wait=wait,
        max_hold=max_hold,
        keep_limit=keep_limit,
        check_budget=check_budget,
    )
    if only is not None:
        settings.module(only)  # raises with the nearest known name
    verbose = bool(context.obj["verbose"])
    with Progress(verbose=verbose) as progress:
        asks = not yes and sys.stdin.isatty() and not isinstance(settings.target, EmbeddedTarget)
        request = Request(
            atomicity=settings.atomic,
            staging=wanted_staging(settings),
            certificate=wanted_certificate(settings, staging=staging),
            only=only,
            dry_run=dry_run,
            trace=trace,
            retry=retry,
            keep=keep_request(settings, discard=discard, keep_personal=keep_personal),
            consent=progress.ask if asks else lambda plan: True,
        )
        report = all_modules(settings, request, progress)
    show_report(report, settings, form=form, verbose=verbose)
    return 0
