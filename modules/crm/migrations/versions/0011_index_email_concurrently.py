"""index customers by address without stopping sales

The search box reads lower(email). Built concurrently, so it cannot share a transaction with anything.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "189b8878c75d"
down_revision: str | None = "9cffd4bc4fe1"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index(
            "ix_customers_lower_email",
            "customers",
            [sa.text("lower(email)")],
            schema="crm",
            postgresql_concurrently=True,
            if_not_exists=True,
        )


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index(
            "ix_customers_lower_email",
            "customers",
            schema="crm",
            postgresql_concurrently=True,
            if_exists=True,
        )
