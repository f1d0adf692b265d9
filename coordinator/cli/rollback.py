"""`migrate rollback`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from collections.abc import Callable

    from coordinator.cli.progress import Progress
    from coordinator.settings.values import Settings
    from coordinator.workflow.rolling_back.prepare import Prepared
    from coordinator.workflow.rolling_back.rollback import RollbackReport
    from coordinator.workflow.rolling_back.sources import KeptSource


@click.command("rollback")
@click.argument("module", required=False)
@target_options
@click.option(
    "--to",
    metavar="REVISION",
    help="Down to this revision of MODULE; also `base`, -1, or the beginning of an id.",
)
@click.option("--run", type=click.IntRange(min=1), metavar="N", help="Everything that run N applied.")
@click.option(
    "--error-type",
    type=click.Choice(["UI_BUG", "API_BREAKING", "DATABASE_CORRUPTION"], case_sensitive=False),
    help="What went wrong; it decides how far the rollback reaches.",
)
@click.option(
    "--staging",
    metavar="auto|container|embedded|URL|off",
    help="Where to rehearse; `off` takes back unrehearsed.  [default: what the settings say, else auto]",
)
@atomic_option
@max_hold_option
@check_budget_option
@keep_options
@wait_option
@click.option(
    "--trust-ledger-source",
    is_flag=True,
    help="Run the ledger's copy of a revision whose file is gone; its text is shown first.",
)
@click.option("--dry-run", is_flag=True, help="Show what would go, and stop.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    module: str | None,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    to: str | None,
    run: int | None,
    error_type: str | None,
    staging: str | None,
    atomic: str | None,
    max_hold: str | None,
    check_budget: str | None,
    keep_limit: str | None,
    discard: tuple[str, ...],
    keep_personal: bool,
    wait: str | None,
    trust_ledger_source: bool,
    dry_run: bool,
    yes: bool,
    form: str,
) -> int:
    """Take back what is in already, by its downgrades, with all that stands on it and nothing else.

    MODULE alone: what its last run applied of it. Nothing named: the newest run. What goes, who is affected and what
    is at stake is shown first. Whatever went stays on hold until `migrate release`.
    """
    from coordinator.cli.progress import Progress
    from coordinator.model.rollback import ErrorType
    from coordinator.workflow.all_modules import wanted_staging
    from coordinator.workflow.rolling_back.rollback import Request, rollback

    if to is not None and run is not None:
        raise click.UsageError("--to and --run exclude each other.")
    if to is not None and module is None:
        raise click.UsageError(
            "--to needs the MODULE whose revision it names: migrate rollback MODULE --to REVISION."
        )
    settings = read_settings(
        env=env,
        database_url=database_url,
        wait_server=wait_server,
        staging=staging,
        atomic=atomic,
        max_hold=max_hold,
        keep_limit=keep_limit,
        check_budget=check_budget,
        wait=wait,
    )
    verbose = bool(context.obj["verbose"])
    asks = not yes and sys.stdin.isatty()
    with Progress(verbose=verbose) as progress:
        request = Request(
            staging=wanted_staging(settings),
            module=module,
            to=to,
            run=run,
            error=ErrorType[error_type.upper()] if error_type else None,
            keep=keep_request(settings, discard=discard, keep_personal=keep_personal),
            dry_run=dry_run,
            show=_shower(progress, form=form, may_happen=(yes or asks) and not dry_run),
            consent=lambda prepared: yes or (asks and progress.confirm("roll this back?")),
            trusts=_truster(progress, trusted=trust_ledger_source, asks=asks),
        )
        report = rollback(settings, request, progress)
    return _end(report, settings, form=form, verbose=verbose, asked=asks)


def _shower(progress: Progress, *, form: str, may_happen: bool) -> Callable[[Prepared], None]:
    """Shows a rollback before it happens: as the document, or beside a JSON document, which comes at the end."""

    def show(prepared: Prepared) -> None:
        from coordinator.cli.document import page, write_text
        from coordinator.cli.streams import quiet_when_unread
        from coordinator.reports.rollback_text import rollback_text

        progress.pause()
        text = rollback_text(prepared.analysis, prepared.decision, prepared.plan, prepared.findings, page())
        if form != "json":
            write_text(text)
        elif may_happen:
            with quiet_when_unread(sys.stderr):
                click.echo(text, err=True, nl=False)

    return show


def _truster(progress: Progress, *, trusted: bool, asks: bool) -> Callable[[tuple[KeptSource, ...]], bool]:
    """Shows the ledger's texts to whoever gave the flag, and asks on a terminal; without the flag nothing is run."""

    def trusts(sources: tuple[KeptSource, ...]) -> bool:
        from coordinator.cli.streams import quiet_when_unread
        from coordinator.reports.rollback_text import source_text

        if not trusted:
            return False
        progress.pause()
        for each in sources:
            with quiet_when_unread(sys.stderr):
                click.echo(source_text(str(each.key), each.file, each.source), err=True, nl=False)
        return not asks or progress.confirm("run this text?")

    return trusts


def _end(report: RollbackReport, settings: Settings, *, form: str, verbose: bool, asked: bool) -> int:
    from coordinator.cli.rollback_summary import show_rollback
    from coordinator.workflow.rolling_back.rollback import Outcome

    show_rollback(report, settings, form=form, verbose=verbose, asked=asked)
    return 1 if report.outcome is Outcome.NOT_CONSENTED else 0
