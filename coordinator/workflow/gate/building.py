"""What all modules' revisions build, looked at when a pass from an empty database has everything in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coordinator.postgres.built_schema import read_built_schema
from coordinator.workflow.built_schema import module_uses, read_names

if TYPE_CHECKING:
    from coordinator.postgres.session import Session
    from coordinator.workflow.gate.bench import Bench


def note_built(bench: Bench, session: Session) -> None:
    """Leave what is in the session's database on the bench, for the map."""
    uses = tuple(module_uses(bench.project, bench.captured.effects, read_names(session)))
    bench.built = read_built_schema(session, bench.project.modules, uses=uses)


def starts_empty(bench: Bench) -> bool:
    """Whether the baseline is an empty database, so that the rehearsal from it is the pass from empty."""
    state = bench.state
    return (
        not any(state.applied.values())
        and not state.absent.modules
        and not bench.baseline.catalog(bench.project).in_schemas(frozenset(bench.project.owners)).definitions
    )
