"""create roles and who holds them

Rights are given to roles, never to people, so that a person who moves on takes nothing along.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "4b108dac0f3a"
down_revision: str | None = "7fb8887ab9d8"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "roles",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False, server_default=""),
        sa.UniqueConstraint("code"),
        schema="user_management",
    )
    op.create_table(
        "user_roles",
        sa.Column("user_id", sa.BigInteger(), primary_key=True),
        sa.Column("role_id", sa.SmallInteger(), primary_key=True),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(["user_id"], ["user_management.users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["role_id"], ["user_management.roles.id"]),
        schema="user_management",
    )
    op.create_index("ix_user_roles_role_id", "user_roles", ["role_id"], schema="user_management")


def downgrade() -> None:
    op.drop_table("user_roles", schema="user_management")
    op.drop_table("roles", schema="user_management")
