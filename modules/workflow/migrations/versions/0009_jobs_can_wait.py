"""let jobs wait for an event

A job that waits for somebody else's answer gives its worker back and is woken by the event.
PostgreSQL cannot take a value out of an enum, so going back builds the type anew; waiting jobs become
pending. Values are compared as text there: a value added in the same transaction cannot be used as itself.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "08bf78d5872b"
down_revision: str | None = "4bd2cb805354"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("ALTER TYPE workflow.job_status ADD VALUE 'WAITING_FOR_EVENT' AFTER 'PROCESSING'")
    op.add_column(
        "workflow_jobs", sa.Column("waiting_for_event", JSONB(), comment="Name and key"), schema="workflow"
    )


def downgrade() -> None:
    op.drop_column("workflow_jobs", "waiting_for_event", schema="workflow")
    # The index compares with a value of the type, so it cannot follow the column to another type.
    op.drop_index("ix_workflow_jobs_pending", "workflow_jobs", schema="workflow")
    op.execute("ALTER TYPE workflow.job_status RENAME TO job_status_with_waiting")
    op.execute(
        """
        CREATE TYPE workflow.job_status
        AS ENUM ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED')
        """
    )
    op.execute("ALTER TABLE workflow.workflow_jobs ALTER COLUMN status DROP DEFAULT")
    for table, column in (("workflow_jobs", "status"), ("job_execution_history", "outcome")):
        op.execute(
            f"""
            ALTER TABLE workflow.{table} ALTER COLUMN {column} TYPE workflow.job_status
            USING replace({column}::text, 'WAITING_FOR_EVENT', 'PENDING')::workflow.job_status
            """
        )
    op.execute("ALTER TABLE workflow.workflow_jobs ALTER COLUMN status SET DEFAULT 'PENDING'")
    op.execute("DROP TYPE workflow.job_status_with_waiting")
    op.create_index(
        "ix_workflow_jobs_pending",
        "workflow_jobs",
        [sa.text("priority DESC"), "scheduled_at"],
        schema="workflow",
        postgresql_where=sa.text("status = 'PENDING'"),
    )
