"""seed the first templates and channels

What every installation sends from its first day; branches add their own wording later.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ENUM

revision: str = "38270c2685dc"
down_revision: str | None = "59f4e8a48bc3"
branch_labels: None = None
depends_on: None = None


CHANNEL = ENUM(name="channel", schema="notifications", create_type=False)
TEMPLATES = sa.table(
    "templates",
    sa.column("code", sa.Text),
    sa.column("channel", CHANNEL),
    sa.column("body", sa.Text),
    schema="notifications",
)
SETTINGS = sa.table(
    "channel_settings",
    sa.column("channel", CHANNEL),
    sa.column("enabled", sa.Boolean),
    schema="notifications",
)


def upgrade() -> None:
    op.bulk_insert(
        TEMPLATES,
        [
            {"code": "appointment.reminder", "channel": "sms", "body": "Lembrete: {servico} em {data}."},
            {"code": "appointment.reminder", "channel": "fax", "body": "LEMBRETE {servico} {data}"},
            {"code": "invoice.issued", "channel": "email", "body": "Sua fatura {numero} vence em {data}."},
            {"code": "invoice.issued", "channel": "fax", "body": "FATURA {numero} {data}"},
        ],
    )
    op.bulk_insert(
        SETTINGS,
        [
            {"channel": "email", "enabled": True},
            {"channel": "sms", "enabled": True},
            {"channel": "whatsapp", "enabled": False},
        ],
    )


def downgrade() -> None:
    op.execute("DELETE FROM notifications.channel_settings WHERE channel IN ('email', 'sms', 'whatsapp')")
    op.execute("DELETE FROM notifications.templates WHERE code IN ('appointment.reminder', 'invoice.issued')")
