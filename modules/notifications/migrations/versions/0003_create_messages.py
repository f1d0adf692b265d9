"""create messages to customers and users

A message goes to exactly one of the two. The key keeps one reminder from becoming two.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "edc0768f41dc"
down_revision: str | None = "38270c2685dc"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "messages",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("template_id", sa.BigInteger(), nullable=False),
        sa.Column("customer_id", sa.BigInteger()),
        sa.Column("user_id", sa.BigInteger()),
        sa.Column("appointment_id", sa.BigInteger()),
        sa.Column("recipient", sa.Text(), nullable=False, comment="Phone number or address, as it was then"),
        sa.Column("deduplication_key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(["template_id"], ["notifications.templates.id"]),
        sa.ForeignKeyConstraint(["customer_id"], ["crm.customers.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["user_management.users.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["appointment_id"], ["agendamento.appointments.id"], ondelete="SET NULL"),
        sa.UniqueConstraint("deduplication_key"),
        sa.CheckConstraint("num_nonnulls(customer_id, user_id) = 1", name="one_addressee"),
        schema="notifications",
    )


def downgrade() -> None:
    op.drop_table("messages", schema="notifications")
