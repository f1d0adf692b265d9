"""create sessions, one row a login

A stolen laptop must be logged out from the office: a session can be revoked before it expires.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "02084d13d618"
down_revision: str | None = "de122f257790"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), primary_key=True, server_default=sa.text("gen_random_uuid()")),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["user_id"], ["user_management.users.id"], ondelete="CASCADE"),
        sa.CheckConstraint("expires_at > created_at", name="expires_later"),
        schema="user_management",
    )
    op.create_index(
        "ix_sessions_open",
        "sessions",
        ["user_id", "expires_at"],
        schema="user_management",
        postgresql_where=sa.text("revoked_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_sessions_open", "sessions", schema="user_management")
    op.drop_table("sessions", schema="user_management")
