"""create reminder targets from the customers' second phones

A customer may switch reminders off or ask for them earlier, which crm need not know.
Everybody who can be reached starts with a reminder one day ahead.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "c896e9ec3373"
down_revision: str | None = "4c47286ee594"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "reminder_targets",
        sa.Column("customer_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("phone_field", sa.Text(), nullable=False, comment="The column of crm.customers to call"),
        sa.Column("hours_ahead", sa.SmallInteger(), nullable=False, server_default="24"),
        sa.Column("wanted", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.ForeignKeyConstraint(["customer_id"], ["crm.customers.id"], ondelete="CASCADE"),
        sa.CheckConstraint("phone_field IN ('telefone1', 'telefone2')", name="known_phone"),
        sa.CheckConstraint("hours_ahead > 0", name="ahead"),
        schema="agendamento",
    )
    op.execute(
        """
        INSERT INTO agendamento.reminder_targets (customer_id, phone_field)
        SELECT id, CASE WHEN telefone2 IS NULL THEN 'telefone1' ELSE 'telefone2' END
        FROM crm.customers WHERE telefone1 IS NOT NULL OR telefone2 IS NOT NULL
        """
    )


def downgrade() -> None:
    op.drop_table("reminder_targets", schema="agendamento")
