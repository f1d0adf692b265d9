"""create credit notes (the other branch)

An issued invoice is never changed: a mistake is credited, and somebody answers for it.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "f93ba23b62c8"
down_revision: str | None = "5ef13bc55c16"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "credit_notes",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("invoice_id", sa.BigInteger(), nullable=False),
        sa.Column("approved_by", sa.BigInteger(), nullable=False),
        sa.Column("amount", sa.Numeric(14, 2), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["invoice_id"], ["billing.invoices.id"]),
        sa.ForeignKeyConstraint(["approved_by"], ["user_management.users.id"]),
        sa.CheckConstraint("amount > 0", name="amount_positive"),
        schema="billing",
    )
    op.create_index("ix_credit_notes_invoice_id", "credit_notes", ["invoice_id"], schema="billing")


def downgrade() -> None:
    op.drop_table("credit_notes", schema="billing")
