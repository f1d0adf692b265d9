"""Past runs as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.reports.kept_text import kept_as_json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from coordinator.model.run import Run, StepRecord


def runs_as_json(runs: Sequence[Run], *, target: str, environment: str) -> dict[str, object]:
    """The latest runs, newest first, without their steps."""
    return {"target": target, "environment": environment, "runs": [run_as_json(each) for each in runs]}


def run_as_json(run: Run) -> dict[str, object]:
    """One run's facts; moments in ISO 8601."""
    return {
        "run": run.number,
        "kind": run.kind,
        "status": run.status.value,
        "started": _moment(run.started),
        "finished": _moment(run.finished),
        "environment": run.environment,
        "host": run.host,
        "pid": run.pid,
        "program": run.program,
        "plan": run.plan,
        "guarantee": run.guarantee,
        "rehearsal": run.rehearsal,
        "error": run.error,
    }


def run_with_steps_as_json(run: Run) -> dict[str, object]:
    """One run with all that it did, in order."""
    return {
        **run_as_json(run),
        "steps": [_step(each) for each in run.steps],
        "kept": kept_as_json(run.kept),
    }


def _step(step: StepRecord) -> dict[str, object]:
    return {
        "sequence": step.sequence,
        "module": step.key.module,
        "revision": step.key.revision,
        "direction": step.direction.value,
        "status": step.status.value,
        "seconds": round(step.seconds, 3),
        "finished": _moment(step.finished),
        "error": step.error,
    }


def _moment(when: datetime | None) -> str | None:
    return None if when is None else when.isoformat()
