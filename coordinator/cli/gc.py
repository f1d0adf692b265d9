"""`migrate gc`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from coordinator.cli.options import format_option, read_settings

if TYPE_CHECKING:
    from coordinator.settings.values import Settings
    from coordinator.workflow.erasing import Erased
    from coordinator.workflow.gc import Collected


@click.command("gc")
@click.option("--env", metavar="NAME", help="The environment in the settings (also: MIGRATE_ENV).")
@click.option(
    "--staging", metavar="URL", help="Look for left databases and roles on this staging server too."
)
@click.option("--database-url", metavar="URL", help="The target whose kept data is looked at.")
@click.option(
    "--keep",
    "run",
    type=click.IntRange(min=1),
    metavar="RUN",
    help="Erase at once all data that this run kept, and nothing else.",
)
@click.option("--dry-run", is_flag=True, help="List what would be removed, and remove nothing.")
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    env: str | None,
    staging: str | None,
    database_url: str | None,
    run: int | None,
    dry_run: bool,
    form: str,
) -> int:
    """Remove what killed commands left behind, and kept data whose time is over.

    Containers, databases, servers and directories: only what this program made, and never what a living process
    uses. Kept data on the target, where one is named and no run is at work. Exit code 1 when something could not be
    removed.
    """
    from coordinator.cli.progress import Progress
    from coordinator.cli.terminal import terminal
    from coordinator.workflow.erasing import erase_expired, erase_run
    from coordinator.workflow.gc import Collected, collect

    settings = read_settings(env=env, staging=staging, database_url=database_url)
    if run is not None:
        with Progress(verbose=bool(context.obj["verbose"])) as progress:
            erased = erase_run(settings, progress, run, dry_run=dry_run)
        found = Collected(removals=(), not_seen=(), dry_run=dry_run)
        return _show(found, erased, settings, form=form, run=run)
    terminal().line(
        f"state directory: {settings.state_directory} · environment: {settings.environment or 'default'}"
    )
    found = collect(settings, dry_run=dry_run)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        erased = erase_expired(settings, progress, dry_run=dry_run)
    return _show(found, erased, settings, form=form)


def _show(found: Collected, erased: Erased, settings: Settings, *, form: str, run: int | None = None) -> int:
    from coordinator.cli.document import page, telling, write_json, write_text
    from coordinator.reports.gc_text import gc_as_json, gc_text

    not_seen = (*found.not_seen, *((erased.skipped,) if erased.skipped else ()))
    with telling(done=not found.dry_run):
        if form == "json":
            document = gc_as_json(
                found.removals, not_seen, dry_run=found.dry_run, erased=erased.copies, reports=erased.reports
            )
            write_json(document, settings)
        else:
            write_text(
                gc_text(
                    found.removals,
                    not_seen,
                    dry_run=found.dry_run,
                    page=page(),
                    erased=erased.copies,
                    reports=erased.reports,
                    run=run,
                )
            )
    return 1 if found.failed else 0
