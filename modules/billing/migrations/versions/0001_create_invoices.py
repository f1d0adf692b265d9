"""create invoices, numbered without reuse

The number is what the tax office sees: its sequence is the module's own, apart from the row's key.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.schema import CreateSequence, DropSequence

revision: str = "5850177a36ed"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS billing")
    op.execute(CreateSequence(sa.Sequence("invoice_number", start=1000, schema="billing")))
    op.create_table(
        "invoices",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column(
            "number",
            sa.BigInteger(),
            nullable=False,
            server_default=sa.text("nextval('billing.invoice_number')"),
        ),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum("draft", "issued", "paid", "void", name="invoice_status", schema="billing"),
            nullable=False,
            server_default="draft",
        ),
        sa.Column("issued_on", sa.Date()),
        sa.Column("due_on", sa.Date()),
        sa.Column("total", sa.Numeric(14, 2), nullable=False, server_default="0"),
        sa.ForeignKeyConstraint(["customer_id"], ["crm.customers.id"]),
        sa.UniqueConstraint("number"),
        sa.CheckConstraint("due_on >= issued_on", name="due_after_issue"),
        sa.CheckConstraint("status = 'draft' OR issued_on IS NOT NULL", name="issued_with_a_date"),
        schema="billing",
    )
    op.create_index("ix_invoices_customer_id_status", "invoices", ["customer_id", "status"], schema="billing")


def downgrade() -> None:
    op.drop_table("invoices", schema="billing")
    op.execute(DropSequence(sa.Sequence("invoice_number", schema="billing")))
    op.execute("DROP TYPE billing.invoice_status")
