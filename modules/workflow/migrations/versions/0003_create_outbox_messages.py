"""create the transactional outbox

A message is written in the transaction that causes it and sent afterwards, so neither exists without the
other.
The key keeps a retried transaction from sending twice.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "c29054e861ad"
down_revision: str | None = "88d5ceaf2100"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "outbox_messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("job_id", sa.Uuid()),
        sa.Column("routing_key", sa.Text(), nullable=False),
        sa.Column("deduplication_key", sa.Text(), nullable=False),
        sa.Column("payload", JSONB(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("published_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["job_id"], ["workflow.workflow_jobs.id"], ondelete="SET NULL"),
        sa.UniqueConstraint("deduplication_key"),
        schema="workflow",
        comment="Written with the change it tells of, published by the relay",
    )
    op.create_index(
        "ix_outbox_messages_unpublished",
        "outbox_messages",
        ["id"],
        schema="workflow",
        postgresql_where=sa.text("published_at IS NULL"),
        postgresql_include=["routing_key"],
    )


def downgrade() -> None:
    op.drop_table("outbox_messages", schema="workflow")
