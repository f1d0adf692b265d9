"""create the job execution history

One row an attempt, so that "why did it run four times" has an answer. An attempt is recorded once.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ENUM

revision: str = "88d5ceaf2100"
down_revision: str | None = "e6d570824c40"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "job_execution_history",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        # The type came with workflow_jobs: it is used again here, not created again.
        sa.Column("outcome", ENUM(name="job_status", schema="workflow", create_type=False)),
        sa.Column(
            "error_class",
            sa.Enum("RETRYABLE", "NON_RETRYABLE", "CIRCUIT_OPEN", name="error_class", schema="workflow"),
        ),
        sa.ForeignKeyConstraint(["job_id"], ["workflow.workflow_jobs.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("job_id", "attempt"),
        sa.CheckConstraint("finished_at >= started_at", name="finished_later"),
        schema="workflow",
    )


def downgrade() -> None:
    op.drop_table("job_execution_history", schema="workflow")
    op.execute("DROP TYPE workflow.error_class")
