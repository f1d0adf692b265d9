"""add telefone2 to customers

Agendamento reminds people on their second phone, usually the mobile, and must not dig through contacts for
it.
Customers who already gave a second phone keep it: it is copied from their contacts.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "60d43b31a9c0"
down_revision: str | None = "c72276236a2d"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column(
        "customers", sa.Column("telefone2", sa.Text(), comment="Mobile, used for reminders"), schema="crm"
    )
    op.execute(
        """
        UPDATE crm.customers SET telefone2 = contacts.value
        FROM crm.contacts
        WHERE contacts.customer_id = customers.id AND contacts.kind = 'phone' AND contacts.position = 2
        """
    )


def downgrade() -> None:
    op.drop_column("customers", "telefone2", schema="crm")
