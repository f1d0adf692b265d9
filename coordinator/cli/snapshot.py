"""`migrate snapshot`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.options import read_settings, target_options

if TYPE_CHECKING:
    from coordinator.cli.terminal import Terminal
    from coordinator.model.snapshot import Snapshot


@click.command("snapshot")
@target_options
@click.option(
    "--output",
    "-o",
    metavar="FILE",
    help="Write the file whole or not at all; without it the snapshot goes to standard output.",
)
@click.option(
    "--staging",
    default="auto",
    show_default=True,
    metavar="WHERE",
    help="Whose pg_dump to take: auto, container, embedded, or the URL of a server.",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    output: str | None,
    staging: str,
) -> int:
    """Write down what the target is and holds, without a row of its tables: a baseline where it cannot be reached.

    Only reads; a role with USAGE and SELECT on the modules' schemas and the ledger is enough. `migrate plan`,
    `impact` and `gate` take the file with --baseline.
    """
    from coordinator.cli.document import write_text
    from coordinator.cli.progress import Progress
    from coordinator.cli.terminal import terminal
    from coordinator.snapshots.file import snapshot_text, write_snapshot
    from coordinator.workflow.snapshot import take_snapshot

    settings = read_settings(env=env, database_url=database_url, wait_server=wait_server)
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        snapshot = take_snapshot(settings, progress, staging=staging)
    if output is None:
        write_text(snapshot_text(snapshot))
        _tell(snapshot, terminal())
        return 0
    write_snapshot(Path(output), snapshot)
    _tell(snapshot, terminal())
    terminal().line(f"written: {output} ({Path(output).stat().st_size:,} bytes)")
    return 0


def _tell(snapshot: Snapshot, out: Terminal) -> None:
    tables = sum(1 for each in snapshot.catalog.definitions if each.kind == "table")
    out.wrapped(
        f"{snapshot.shown}: {len(snapshot.schemas)} schemas, {tables} tables,"
        f" {len(snapshot.found.recorded)} revisions that the ledger knows; no rows",
        following="  ",
    )
    for each in snapshot.left_out:
        out.wrapped(f"left out: schema {each.schema}: {each.why}", following="  ")
    if snapshot.secrets:
        seem = "1 literal that seems" if snapshot.secrets == 1 else f"{snapshot.secrets} literals that seem"
        out.wrapped(f"left out: {seem} to be a password; *** stands there instead", following="  ")
