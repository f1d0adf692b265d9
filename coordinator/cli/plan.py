"""`migrate plan`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from coordinator.cli.options import check_budget_option, read_settings, target_options

if TYPE_CHECKING:
    from coordinator.reports.explanation import Explanation
    from coordinator.settings.values import Settings
    from coordinator.workflow.plan import PlanView


@click.command("plan")
@target_options
@click.option(
    "--module",
    "only",
    metavar="NAME",
    help="Only this module, with what its pending revisions need of others.",
)
@click.option(
    "--atomic",
    type=click.Choice(["auto", "run", "step"]),
    help="auto: as much in one transaction as can be; run: all of it, or refuse; step: each by itself.",
)
@check_budget_option
@click.option(
    "--baseline",
    metavar="FILE",
    help="Plan from a file of `migrate snapshot` instead of the target; no database is needed.",
)
@click.option("--sql", is_flag=True, help="Print the SQL of every step, in order, as one script.")
@click.option(
    "--explain",
    metavar="MODULE:REVISION",
    help="Say why one step stands where it stands, and what waits for it.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "markdown", "mermaid"]),
    default="text",
    show_default=True,
    help="How to write the plan.",
)
@click.pass_context
def command(
    context: click.Context,
    *,
    env: str | None,
    database_url: str | None,
    wait_server: str | None,
    only: str | None,
    atomic: str | None,
    check_budget: str | None,
    baseline: str | None,
    sql: bool,
    explain: str | None,
    form: str,
) -> int:
    """Show the ordered steps, what each does and why it stands where it stands, and what the run can promise.

    Only reads: no lock, no rehearsal, no write. Exit code 1 when `migrate all-modules` would refuse.
    """
    from coordinator.cli.progress import Progress
    from coordinator.workflow.plan import view_plan

    if sql and (explain or form != "text"):
        raise click.UsageError("--sql is a document of its own: leave --explain and --format away.")
    settings = read_settings(
        env=env, database_url=database_url, wait_server=wait_server, atomic=atomic, check_budget=check_budget
    )
    if only is not None:
        settings.module(only)  # raises with the nearest known name
    with Progress(verbose=bool(context.obj["verbose"])) as progress:
        snapshot = None if baseline is None else Path(baseline)
        view = view_plan(settings, progress, atomicity=settings.atomic, only=only, snapshot=snapshot)
    if explain is not None:
        _show_explanation(_explained(view, explain), form, settings)
        return 0
    if sql:
        _show_sql(view, settings)
    else:
        _show_plan(view, form, settings)
    return 1 if view.refused else 0


def _show_plan(view: PlanView, form: str, settings: Settings) -> None:
    from coordinator.cli.document import from_root, page, write_json, write_text
    from coordinator.reports.plan_json import plans_as_json
    from coordinator.reports.plan_markdown import plan_markdown
    from coordinator.reports.plan_mermaid import plan_mermaid
    from coordinator.reports.plan_text import plan_text

    match form:
        case "json":
            document = plans_as_json(
                view.plans,
                view.findings,
                target=view.target,
                environment=view.environment,
                pending=view.pending,
                stakes=view.stakes,
                preconditions=view.preconditions,
            )
            write_json(document, settings)
        case "markdown":
            told = plan_markdown(view.plans, view.findings, pending=view.pending, stakes=view.stakes)
            write_text(from_root(told, settings))
        case "mermaid":
            write_text(from_root(plan_mermaid(view.plans, pending=view.pending), settings))
        case _:
            write_text(plan_text(view.plans, view.findings, page(), pending=view.pending, stakes=view.stakes))


def _show_sql(view: PlanView, settings: Settings) -> None:
    """The script alone on standard output; what is wrong goes to standard error."""
    from coordinator.cli.document import from_root, write_text
    from coordinator.cli.findings import show_findings
    from coordinator.cli.terminal import terminal
    from coordinator.reports.plan_sql import plan_sql

    write_text(
        from_root(
            plan_sql(view.plans[0] if view.plans else None, view.script, pending=view.pending), settings
        )
    )
    show_findings(view.findings, terminal(), notes=False)


def _show_explanation(explained: Explanation, form: str, settings: Settings) -> None:
    from coordinator.cli.document import from_root, page, write_json, write_text
    from coordinator.reports.explanation import (
        explanation_json,
        explanation_markdown,
        explanation_mermaid,
        explanation_text,
    )

    match form:
        case "json":
            write_json(explanation_json(explained), settings)
        case "markdown":
            write_text(from_root(explanation_markdown(explained), settings))
        case "mermaid":
            write_text(from_root(explanation_mermaid(explained), settings))
        case _:
            write_text(explanation_text(explained, page()))


def _explained(view: PlanView, wanted: str) -> Explanation:
    """The explanation of one step. Raises UsageError for what is no revision, RefusedError for what is no step."""
    from coordinator.errors import RefusedError
    from coordinator.reports.explanation import explain
    from coordinator.workflow.named import named_revision

    key = named_revision(view.project, wanted)
    if not view.plans and view.refused:
        raise RefusedError("There is no plan to explain.", view.findings)
    if key.revision in view.state.applied.get(key.module, ()):
        raise RefusedError(
            f"{key} is in already, so it is no step of a plan.",
            help="`migrate history` shows when it came in.",
        )
    try:
        return explain(view.plans[0], key)
    except KeyError:
        raise RefusedError(f"{key} is no step of this plan.", help="Leave --module away.") from None
