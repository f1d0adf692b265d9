"""`migrate check`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.options import format_option, read_settings, target_options

if TYPE_CHECKING:
    from coordinator.cli.progress import Progress
    from coordinator.settings.values import Settings


@click.command("check")
@target_options
@click.option(
    "--rights", is_flag=True, help="Say what the role may and lacks for each command, with the GRANTs."
)
@click.option("--lint", is_flag=True, help="Judge the pending revisions by the linter's rules as well.")
@click.option(
    "--role", metavar="NAME", help="With --rights: judge this role instead of the one that connects."
)
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Pending is what a file of `migrate snapshot` lacks; no database is needed.",
)
@click.option(
    "--since",
    metavar="GITREF",
    help="Pending is what this ref lacks, by the files alone; only a module's baseline file needs a staging database.",
)
@format_option
@click.pass_context
def command(
    context: click.Context,
    *,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    rights: bool,
    lint: bool,
    role: str | None,
    baseline: Path | None,
    since: str | None,
    form: str,
) -> int:
    """Look for what is wrong with the modules, the map and the plan, without changing anything.

    Exit code 1 when an error is found (warnings and notes are told only), 2 when something cannot be loaded.
    With --rights: 1 when a right is missing. With --lint: 6 when squawk is required and not to be had.
    """
    from coordinator.cli.progress import Progress

    if role is not None and not rights:
        raise click.UsageError("--role goes with --rights.")
    if lint and rights:
        raise click.UsageError("--lint and --rights are two questions; ask one of them.")
    if (baseline is not None) + (since is not None) + rights > 1:
        raise click.UsageError(
            "--baseline, --since and --rights each look at something else; name one of them."
        )
    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        if rights:
            return _rights(settings, progress, role, form)
        return _check(settings, progress, form, linted=lint, snapshot=baseline, since=since)


def _check(
    settings: Settings,
    progress: Progress,
    form: str,
    *,
    linted: bool,
    snapshot: Path | None,
    since: str | None,
) -> int:
    from coordinator.cli.document import page, write_json, write_text
    from coordinator.reports.check_text import check_as_json, check_text
    from coordinator.workflow.check import check

    checked = check(settings, progress, linted=linted, snapshot=snapshot, since=since)
    if form == "json":
        write_json(check_as_json(checked), settings)
    else:
        write_text(check_text(checked, page()))
    return 1 if checked.failed else 0


def _rights(settings: Settings, progress: Progress, role: str | None, form: str) -> int:
    from coordinator.cli.document import page, write_json, write_text
    from coordinator.reports.rights_text import rights_as_json, rights_text
    from coordinator.workflow.rights import read_rights

    report = read_rights(settings, progress, role=role)
    if form == "json":
        write_json(rights_as_json(report), settings)
    else:
        write_text(rights_text(report, page()))
    return 0 if report.complete else 1
