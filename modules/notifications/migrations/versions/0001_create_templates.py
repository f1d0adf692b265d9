"""create message templates and the settings of each channel

Both tables have a channel and name the same type: the first creates it, the second finds it made.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "59f4e8a48bc3"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None


CHANNEL = sa.Enum("email", "sms", "whatsapp", "fax", name="channel", schema="notifications")


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS notifications")
    op.create_table(
        "templates",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("channel", CHANNEL, nullable=False),
        sa.Column("locale", sa.Text(), nullable=False, server_default="pt_BR"),
        sa.Column("body", sa.Text(), nullable=False),
        sa.UniqueConstraint("code", "channel", "locale"),
        schema="notifications",
    )
    op.create_table(
        "channel_settings",
        sa.Column("channel", CHANNEL, primary_key=True),
        sa.Column("enabled", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.Column("per_minute", sa.Integer(), nullable=False, server_default="60"),
        sa.CheckConstraint("per_minute > 0", name="some_per_minute"),
        schema="notifications",
    )


def downgrade() -> None:
    op.drop_table("channel_settings", schema="notifications")
    op.drop_table("templates", schema="notifications")
    op.execute("DROP TYPE notifications.channel")
