"""create workflow jobs, work that survives a deploy

A web request only writes a job and answers; a worker does it later. Asking twice with one idempotency key
is asking once.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "e6d570824c40"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS workflow")
    op.create_table(
        "workflow_jobs",
        sa.Column("id", sa.Uuid(), primary_key=True, server_default=sa.text("gen_random_uuid()")),
        sa.Column("workflow_type", sa.Text(), nullable=False),
        sa.Column("idempotency_key", sa.Text(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False, server_default="{}"),
        sa.Column(
            "status",
            sa.Enum(
                "PENDING",
                "PROCESSING",
                "COMPLETED",
                "FAILED",
                "CANCELLED",
                name="job_status",
                schema="workflow",
            ),
            nullable=False,
            server_default="PENDING",
        ),
        sa.Column("priority", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("attempts", sa.SmallInteger(), nullable=False, server_default="0"),
        sa.Column("max_attempts", sa.SmallInteger(), nullable=False, server_default="5"),
        sa.Column("scheduled_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("locked_by", sa.Text(), comment="The worker that has it"),
        sa.Column("last_error", sa.Text()),
        sa.UniqueConstraint("idempotency_key"),
        sa.CheckConstraint("attempts BETWEEN 0 AND max_attempts", name="attempts_within_limit"),
        schema="workflow",
    )


def downgrade() -> None:
    op.drop_table("workflow_jobs", schema="workflow")
    op.execute("DROP TYPE workflow.job_status")
