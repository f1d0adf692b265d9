"""create contacts, the many ways to reach one customer

Companies have several phones and addresses; two columns of the customer were never enough.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "449349bdb4b0"
down_revision: str | None = "52f2dd8cc5ce"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "contacts",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column(
            "kind", sa.Enum("phone", "email", "other", name="contact_kind", schema="crm"), nullable=False
        ),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False, server_default="1"),
        sa.ForeignKeyConstraint(["customer_id"], ["crm.customers.id"], ondelete="CASCADE"),
        sa.UniqueConstraint("customer_id", "kind", "position"),
        sa.CheckConstraint("position >= 1", name="position_counts_from_one"),
        schema="crm",
    )


def downgrade() -> None:
    op.drop_table("contacts", schema="crm")
    op.execute("DROP TYPE crm.contact_kind")
