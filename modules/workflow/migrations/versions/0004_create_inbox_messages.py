"""create the inbox of messages already handled

Brokers deliver at least once. Each consumer notes what it has handled, so the second delivery does nothing.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "6d1abd126e16"
down_revision: str | None = "c29054e861ad"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "inbox_messages",
        sa.Column("consumer", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("processed_at", sa.DateTime(timezone=True)),
        sa.Column("job_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("consumer", "message_id"),
        sa.ForeignKeyConstraint(["job_id"], ["workflow.workflow_jobs.id"], ondelete="SET NULL"),
        schema="workflow",
    )
    op.create_index(
        "ix_inbox_messages_received_at",
        "inbox_messages",
        ["received_at"],
        schema="workflow",
        postgresql_using="brin",
    )


def downgrade() -> None:
    op.drop_index("ix_inbox_messages_received_at", "inbox_messages", schema="workflow")
    op.drop_table("inbox_messages", schema="workflow")
