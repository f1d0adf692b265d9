"""allow prices above a million, and none below zero

Corporate contracts are booked as services too, and a price of -1 once meant "ask".
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0dcd4d8e4914"
down_revision: str | None = "667a0f797462"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.alter_column(
        "services",
        "price",
        schema="agendamento",
        existing_type=sa.Numeric(8, 2),
        type_=sa.Numeric(12, 2),
        existing_nullable=False,
    )
    op.create_check_constraint("price_not_negative", "services", "price >= 0", schema="agendamento")


def downgrade() -> None:
    op.drop_constraint("price_not_negative", "services", schema="agendamento", type_="check")
    op.alter_column(
        "services",
        "price",
        schema="agendamento",
        existing_type=sa.Numeric(12, 2),
        type_=sa.Numeric(8, 2),
        existing_nullable=False,
    )
