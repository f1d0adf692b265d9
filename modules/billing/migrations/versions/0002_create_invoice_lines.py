"""create invoice lines, some of them for an appointment

The amount is generated: a line whose sum is wrong cannot be written. An appointment is billed once.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "5c54cde8f3ce"
down_revision: str | None = "5850177a36ed"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "invoice_lines",
        sa.Column("invoice_id", sa.BigInteger(), primary_key=True),
        sa.Column("line", sa.SmallInteger(), primary_key=True),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("quantity", sa.Numeric(10, 3), nullable=False, server_default="1"),
        sa.Column("unit_price", sa.Numeric(12, 2), nullable=False),
        sa.Column(
            "amount", sa.Numeric(14, 2), sa.Computed("round(quantity * unit_price, 2)", persisted=True)
        ),
        sa.Column("appointment_id", sa.BigInteger()),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.invoices.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["appointment_id"], ["agendamento.appointments.id"], ondelete="SET NULL"),
        sa.UniqueConstraint("appointment_id"),
        sa.CheckConstraint("quantity > 0", name="quantity_positive"),
        schema="billing",
    )


def downgrade() -> None:
    op.drop_table("invoice_lines", schema="billing")
