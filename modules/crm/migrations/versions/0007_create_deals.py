"""create deals, what may become an invoice

Sales forecasts by stage; the amount may be unknown, but never negative.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "22fe1056b98d"
down_revision: str | None = "a97bb111fae9"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "deals",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column(
            "stage",
            sa.Enum("new", "qualified", "won", "lost", name="deal_stage", schema="crm"),
            nullable=False,
            server_default="new",
        ),
        sa.Column("amount", sa.Numeric(14, 2)),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(["customer_id"], ["crm.customers.id"], ondelete="CASCADE"),
        sa.CheckConstraint("amount >= 0", name="amount_not_negative"),
        sa.CheckConstraint("(stage IN ('won', 'lost')) = (closed_at IS NOT NULL)", name="closed_with_a_date"),
        schema="crm",
    )
    op.create_index("ix_deals_customer_id_stage", "deals", ["customer_id", "stage"], schema="crm")


def downgrade() -> None:
    op.drop_table("deals", schema="crm")
    op.execute("DROP TYPE crm.deal_stage")
