"""create payments (one of two branches)

Written at the same time as the credit notes, by somebody else. The bank's reference makes an import
repeatable.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0f7732360187"
down_revision: str | None = "5ef13bc55c16"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "payments",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "method",
            sa.Enum("pix", "boleto", "card", "cash", name="payment_method", schema="billing"),
            nullable=False,
        ),
        sa.Column("amount", sa.Numeric(14, 2), nullable=False),
        sa.Column("paid_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.Column("bank_reference", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.invoices.id"]),
        sa.UniqueConstraint("bank_reference"),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        schema="billing",
    )
    op.create_index("ix_payments_invoice_id", "payments", ["invoice_id"], schema="billing")


def downgrade() -> None:
    op.drop_table("payments", schema="billing")
    op.execute("DROP TYPE billing.payment_method")
