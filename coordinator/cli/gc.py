"""`migrate gc`."""

from __future__ import annotations

import click

from coordinator.cli.options import format_option, read_settings


@click.command("gc")
@click.option("--env", metavar="NAME", help="The environment in the settings (also: MIGRATE_ENV).")
@click.option("--staging", metavar="URL", help="Look for left databases on this staging server too.")
@click.option("--dry-run", is_flag=True, help="List what would be removed, and remove nothing.")
@format_option
def command(*, env: str | None, staging: str | None, dry_run: bool, form: str) -> int:
    """Remove containers, databases, servers and directories that killed commands left behind.

    Only what this program made, and never what a living process uses. Exit code 1 when something could not be
    removed.
    """
    from coordinator.cli.document import page, write_json, write_text
    from coordinator.cli.terminal import terminal
    from coordinator.reports.gc_text import gc_as_json, gc_text
    from coordinator.workflow.gc import collect

    settings = read_settings(env=env, staging=staging)
    terminal().line(
        f"state directory: {settings.state_directory} · environment: {settings.environment or 'default'}"
    )
    found = collect(settings, dry_run=dry_run)
    if form == "json":
        write_json(gc_as_json(found.removals, found.not_seen, dry_run=dry_run), settings)
    else:
        write_text(gc_text(found.removals, found.not_seen, dry_run=dry_run, page=page()))
    return 1 if found.failed else 0
