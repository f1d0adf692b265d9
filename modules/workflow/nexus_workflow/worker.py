"""Takes jobs one by one and says how they ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection


def claim(connection: Connection[Any], worker: str) -> tuple[Any, ...] | None:
    """The next job for this worker, with what it is about; None when there is nothing to do."""
    row = connection.execute("SELECT workflow.claim_next_job(%s)", (worker,)).fetchone()
    if row is None or row[0] is None:
        return None
    return connection.execute(
        "SELECT id, workflow_type, payload FROM workflow.workflow_jobs WHERE id = %s", (row[0],)
    ).fetchone()


def shown_state(connection: Connection[Any], job: str) -> str:
    """What a user is told about a job."""
    row = connection.execute("SELECT status FROM workflow.workflow_jobs WHERE id = %s", (job,)).fetchone()
    if row is None:
        return "unknown"
    match row[0]:
        case "PENDING" | "PROCESSING":
            return "in progress"
        case "COMPLETED":
            return "done"
        case "FAILED" | "CANCELLED":
            return "it did not work"
        case "WAITING_FOR_EVENT":
            return "waiting for an answer"
        case other:
            raise ValueError(other)


def relay(connection: Connection[Any], limit: int) -> list[tuple[Any, ...]]:
    """Messages that wait to be sent, the oldest first, each for this relay alone."""
    return connection.execute(
        """
        SELECT id, routing_key, payload FROM workflow.outbox_messages
        WHERE published_at IS NULL
        ORDER BY id
        FOR UPDATE SKIP LOCKED
        LIMIT %s
        """,
        (limit,),
    ).fetchall()
