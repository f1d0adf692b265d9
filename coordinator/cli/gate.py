"""`migrate gate`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.options import read_settings, target_options

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coordinator.cli.report_files import ReportFiles
    from coordinator.model.gate import GateReport
    from coordinator.settings.values import Settings

_FORMATS = ("json", "text", "markdown", "junit", "sarif", "code-quality")


@click.command("gate")
@target_options
@click.option(
    "--baseline",
    metavar="FILE",
    type=click.Path(path_type=Path, exists=False, dir_okay=False),
    help="Start from this snapshot, which `migrate snapshot` wrote; no database is reached then.",
)
@click.option(
    "--since",
    metavar="GITREF",
    help="Take for applied what this ref holds, and start from its replay; no database is reached then.",
)
@click.option(
    "--live",
    is_flag=True,
    help="Look also at the statements that are sent to the target (pg_stat_statements).",
)
@click.option(
    "--staging",
    metavar="auto|container|embedded|URL",
    help="Where to rehearse.  [default: what the settings say, else auto]",
)
@click.option(
    "--exec",
    "commands",
    metavar="STAGE=CMD",
    multiple=True,
    help="Run a command of your own in this stage, with DATABASE_URL of the staging; may be repeated.",
)
@click.option("--exec-timeout", metavar="DURATION", help="How long each of these may take.  [default: 10m]")
@click.option(
    "--from-empty",
    type=click.Choice(["pending", "all"]),
    default="pending",
    show_default=True,
    help="Which revisions the pass from an empty database takes back too.",
)
@click.option(
    "--certificate",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a certificate of what was rehearsed, when it is approved.",
)
@click.option(
    "--expires",
    metavar="DURATION",
    help="How long the certificate is valid, 7d at most.  [default: 7d]",
)
@click.option(
    "--report",
    "reports",
    metavar="FORMAT=FILE",
    multiple=True,
    help=f"Write a report ({', '.join(_FORMATS)}); `-` is standard output; may be repeated.",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    baseline: Path | None,
    since: str | None,
    live: bool,
    staging: str | None,
    commands: tuple[str, ...],
    exec_timeout: str | None,
    from_empty: str,
    certificate: Path | None,
    expires: str | None,
    reports: tuple[str, ...],
) -> int:
    """Judge what is pending before it is merged: one verdict, approved or blocked, and why.

    Looks, rehearses and runs your own commands on a throw-away server; the target is at most read. Exit code 0:
    approved; 1: blocked; 6: something could not be reached, so try again.
    """
    from coordinator.cli.gate_progress import GateProgress
    from coordinator.cli.report_files import ReportFiles
    from coordinator.settings.gate import with_typed
    from coordinator.workflow.gate.gate import gate
    from coordinator.workflow.gate.request import FromEmpty, GateRequest

    if baseline is not None and since is not None:
        raise click.UsageError("--baseline and --since name two starting points: leave one of them away.")
    if live and (baseline is not None or since is not None):
        other = "--baseline" if baseline is not None else "--since"
        raise click.UsageError(
            f"--live asks the target, and {other} starts elsewhere: leave one of them away."
        )
    settings = read_settings(
        env=env,
        database_url=database_url,
        wait_server=wait_server,
        staging=staging,
        exec_timeout=exec_timeout,
    )
    request = GateRequest(
        environment=os.environ,
        commands=with_typed(settings.gate_commands, commands),
        limit=settings.exec_timeout,
        snapshot=baseline,
        since=since,
        from_empty=FromEmpty(from_empty),
        certificate=certificate,
        valid_for=_validity(expires),
        live=live,
    )
    with ReportFiles() as files:
        wanted = _reserved(reports, files)
        if certificate is not None:
            files.reserve(certificate, "--certificate")
        with GateProgress(verbose=bool(context.obj["verbose"])) as progress:
            report = gate(settings, request, progress)
        _write(report, wanted, files, settings)
    if report.mistake is not None:
        raise report.mistake
    return report.exit_code


def _validity(text: str | None) -> float:
    """How many seconds a certificate is valid. Raises click.UsageError for a time that is none, or too long."""
    from coordinator.model.certificate import LONGEST
    from coordinator.model.durations import WANTED, format_duration, parse_duration

    if text is None:
        return LONGEST
    try:
        seconds = parse_duration(text)
    except ValueError as error:
        raise click.UsageError(f"--expires must be {WANTED}, not {text!r}.") from error
    if not 0 < seconds <= LONGEST:
        raise click.UsageError(
            f"--expires must be more than nothing and {format_duration(LONGEST)} at most, not {text}."
        )
    return seconds


def _reserved(reports: Sequence[str], files: ReportFiles) -> list[tuple[str, str]]:
    """Format and file of each report. Raises UsageError for what cannot be written, before anything has begun."""
    from coordinator.cli.report_files import STANDARD_OUTPUT
    from coordinator.errors import UsageError
    from coordinator.settings.values import suggest

    wanted: list[tuple[str, str]] = []
    for each in reports:
        form, equals, file = each.partition("=")
        if not equals or not file:
            raise UsageError(
                f"--report {each!r} is not of the form FORMAT=FILE.",
                help="Write it like --report markdown=gate.md, or --report json=- for standard output.",
            )
        if form not in _FORMATS:
            raise UsageError(f"There is no report format {form!r}.", help=suggest(form, list(_FORMATS)))
        if file != STANDARD_OUTPUT:
            files.reserve(Path(file), "--report")
        elif any(other == STANDARD_OUTPUT for _, other in wanted):
            raise UsageError(
                "Two reports are to go to standard output.", help="Give each of them but one a file."
            )
        wanted.append((form, file))
    return wanted


def _write(report: GateReport, wanted: list[tuple[str, str]], files: ReportFiles, settings: Settings) -> None:
    """Every report of the one document; the text goes to standard output when nothing else does."""
    from coordinator.cli.document import page, write_text
    from coordinator.cli.report_files import STANDARD_OUTPUT
    from coordinator.reports.gate.formats import rendered
    from coordinator.reports.gate.json_ import gate_as_json
    from coordinator.reports.page import Page
    from coordinator.workflow.gate.secrets import without_passwords

    document = gate_as_json(report, root=str(settings.root), hide=without_passwords)
    for form, file in wanted:
        if file != STANDARD_OUTPUT:
            files.write(Path(file), rendered(document, form, Page()))
    shown = next((form for form, file in wanted if file == STANDARD_OUTPUT), "text")
    write_text(rendered(document, shown, page()))
