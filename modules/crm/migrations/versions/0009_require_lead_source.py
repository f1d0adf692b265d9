"""require a lead source of every customer

Reports left out customers without a source. Those get a source of their own, by which they can be told
apart when this is taken back.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "3933c3ccb232"
down_revision: str | None = "b0f8e2a53d89"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("INSERT INTO crm.lead_sources (id, code, label) VALUES (99, 'unknown', 'Desconhecida')")
    op.execute("UPDATE crm.customers SET lead_source_id = 99 WHERE lead_source_id IS NULL")
    op.alter_column(
        "customers",
        "lead_source_id",
        schema="crm",
        existing_type=sa.SmallInteger(),
        nullable=False,
        server_default="99",
    )


def downgrade() -> None:
    op.alter_column(
        "customers",
        "lead_source_id",
        schema="crm",
        existing_type=sa.SmallInteger(),
        nullable=True,
        server_default=None,
    )
    op.execute("UPDATE crm.customers SET lead_source_id = NULL WHERE lead_source_id = 99")
    op.execute("DELETE FROM crm.lead_sources WHERE id = 99")
