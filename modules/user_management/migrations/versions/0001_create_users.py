"""create users, the people who can log in

Every other module points at this table, so it comes first and stays narrow.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "7fb8887ab9d8"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS user_management")
    op.create_table(
        "users",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("email", sa.Text(), nullable=False, comment="Login, and where password mails go"),
        sa.Column("full_name", sa.Text(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("invited", "active", "suspended", name="user_status", schema="user_management"),
            nullable=False,
            server_default="active",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.UniqueConstraint("email"),
        sa.CheckConstraint("position('@' in email) > 1", name="email_has_at"),
        schema="user_management",
        comment="People, and a few machines, who can log in",
    )


def downgrade() -> None:
    op.drop_table("users", schema="user_management")
    op.execute("DROP TYPE user_management.user_status")
