"""The user's own commands, each against the staging database, as checks like ours."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from coordinator.execution.events import Working
from coordinator.model.durations import format_duration
from coordinator.model.finding import Finding
from coordinator.model.gate import GateCommand, GateOutcome, GateStage
from coordinator.postgres.url import as_url
from coordinator.reports.wording import one_line, shortened
from coordinator.workflow.gate.interface import Check, Said
from coordinator.workflow.gate.secrets import without_targets
from coordinator.workflow.gate.shell import run_command

if TYPE_CHECKING:
    from coordinator.model.target import DatabaseUrl
    from coordinator.workflow.gate.bench import Bench
    from coordinator.workflow.gate.request import GateRequest
    from coordinator.workflow.gate.secrets import Secrets
    from coordinator.workflow.gate.shell import Ran

_NOT_FOUND = 127  # of sh
_LONGEST_NAME = 60
_LIBPQ = {
    "host": "PGHOST",
    "port": "PGPORT",
    "user": "PGUSER",
    "password": "PGPASSWORD",
    "dbname": "PGDATABASE",
}


def commands_of(request: GateRequest, stage: GateStage, secrets: Secrets) -> tuple[Check, ...]:
    """The checks that run the user's commands of one stage, in their order."""
    needs = ("staging",) if stage is GateStage.SETUP else ("migrated",)
    return tuple(
        Check(
            name=command_name(stage, number),
            stage=stage,
            title=shortened(one_line(secrets.hide(text)), _LONGEST_NAME),
            run=partial(_run, stage=stage, text=text),
            needs=needs,
            command=GateCommand(text=secrets.hide(text), exit_code=None, limit=request.limit),
        )
        for number, text in enumerate(request.commands.get(stage, ()), start=1)
    )


def command_name(stage: GateStage, number: int) -> str:
    """What a command is called among the checks."""
    return f"{stage.value} command {number}"


def _run(bench: Bench, *, stage: GateStage, text: str) -> Said:
    shown = bench.secrets.hide(text)
    bench.tell(Working(what=f"{stage.value}: {shortened(one_line(shown), _LONGEST_NAME)}"))
    url = bench.floor.first if bench.migrated is None else bench.migrated
    limit = bench.request.limit
    ran = run_command(
        text,
        environment=_environment(bench, stage, url),
        directory=bench.settings.root,
        limit=limit,
        secrets=bench.secrets,
    )
    command = GateCommand(text=shown, exit_code=ran.exit_code, limit=limit, output=ran.output, cut=ran.cut)
    why = _why(ran, limit)
    if why is None:
        return Said(told="exit code 0", command=command)
    finding = Finding(
        rule="command-failed" if ran.exit_code is not None else "command-timed-out",
        message=f"the command `{one_line(command.text)}` of stage {stage.value!r} {why}",
        help="run it by hand with DATABASE_URL of a staging of your own; its output is in the report",
    )
    return Said(told=why, findings=(finding,), command=command, outcome=GateOutcome.FAILED)


def _why(ran: Ran, limit: float) -> str | None:
    if ran.exit_code is None:
        return f"was ended: it took longer than {format_duration(limit)}"
    if ran.exit_code < 0:
        return f"was ended by signal {-ran.exit_code}"
    if ran.exit_code == _NOT_FOUND:
        return f"ended with exit code {_NOT_FOUND}: a program that it names was not found"
    return f"ended with exit code {ran.exit_code}" if ran.exit_code else None


def _environment(bench: Bench, stage: GateStage, url: DatabaseUrl) -> dict[str, str]:
    """What a command is given: our variables without any target, and the staging's address."""
    kept = without_targets(bench.request.environment, bench.settings.url_variables, bench.secrets)
    libpq = {_LIBPQ[key]: value for key, value in url.parameters.items() if key in _LIBPQ and value}
    return {
        **kept,
        **libpq,
        "PGSSLMODE": url.parameters.get("sslmode") or "prefer",
        "DATABASE_URL": as_url(url.parameters),
        "MIGRATE_GATE_STAGE": stage.value,
        "MIGRATE_GATE_MODULES": " ".join(dict.fromkeys(key.module for key in bench.pending)),
        "MIGRATE_GATE_PENDING": " ".join(str(key) for key in bench.pending),
    }
