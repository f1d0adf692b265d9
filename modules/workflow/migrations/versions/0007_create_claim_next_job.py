"""create claim_next_job, one job for one worker

Workers must not wait for each other: each skips what another has locked.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "7c3948f8efc9"
down_revision: str | None = "2098a26aa15a"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_index(
        "ix_workflow_jobs_pending",
        "workflow_jobs",
        [sa.text("priority DESC"), "scheduled_at"],
        schema="workflow",
        postgresql_where=sa.text("status = 'PENDING'"),
    )
    op.execute(
        """
        CREATE FUNCTION workflow.claim_next_job(worker text) RETURNS uuid LANGUAGE sql AS $$
            UPDATE workflow.workflow_jobs
            SET status = 'PROCESSING', locked_by = worker, attempts = attempts + 1
            WHERE id = (
                SELECT id FROM workflow.workflow_jobs
                WHERE status = 'PENDING' AND scheduled_at <= now() AND attempts < max_attempts
                ORDER BY priority DESC, scheduled_at
                FOR UPDATE SKIP LOCKED
                LIMIT 1
            )
            RETURNING id
        $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION workflow.claim_next_job(text)")
    op.drop_index("ix_workflow_jobs_pending", "workflow_jobs", schema="workflow")
