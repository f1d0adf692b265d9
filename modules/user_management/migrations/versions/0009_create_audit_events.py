"""create audit events, partitioned by half year

Who changed what must be kept for five years and then be gone: a partition is dropped in an instant.
The default partition catches what comes before the next partition is made.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision: str = "7591f0c24e5a"
down_revision: str | None = "001e4aab80b4"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "audit_events",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("details", JSONB(), nullable=False, server_default="{}"),
        sa.PrimaryKeyConstraint("occurred_at", "id"),
        sa.ForeignKeyConstraint(["user_id"], ["user_management.users.id"]),
        schema="user_management",
        comment="Append only",
        postgresql_partition_by="RANGE (occurred_at)",
    )
    op.create_index(
        "ix_audit_events_user_id", "audit_events", ["user_id", "occurred_at"], schema="user_management"
    )
    op.execute(
        """
        CREATE TABLE user_management.audit_events_2026h2 PARTITION OF user_management.audit_events
        FOR VALUES FROM ('2026-07-01 00:00+00') TO ('2027-01-01 00:00+00')
        """
    )
    op.execute(
        """
        CREATE TABLE user_management.audit_events_other PARTITION OF user_management.audit_events DEFAULT
        """
    )


def downgrade() -> None:
    op.drop_table("audit_events", schema="user_management")
