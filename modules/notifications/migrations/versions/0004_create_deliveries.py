"""create deliveries, one row a try

Providers fail and are tried again. The newest try of a message is what the support screen shows.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "cee1c2fcc98f"
down_revision: str | None = "edc0768f41dc"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "deliveries",
        sa.Column("message_id", sa.BigInteger(), nullable=False),
        sa.Column("attempt", sa.SmallInteger(), nullable=False),
        sa.Column("attempted_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("delivered", sa.Boolean(), nullable=False),
        sa.Column("provider_answer", sa.Text()),
        sa.PrimaryKeyConstraint("message_id", "attempt"),
        sa.ForeignKeyConstraint(["message_id"], ["notifications.messages.id"], ondelete="CASCADE"),
        schema="notifications",
    )
    op.execute(
        """
        CREATE VIEW notifications.last_delivery AS
        SELECT DISTINCT ON (message_id) message_id, attempt, attempted_at, delivered
        FROM notifications.deliveries
        ORDER BY message_id, attempt DESC
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW notifications.last_delivery")
    op.drop_table("deliveries", schema="notifications")
