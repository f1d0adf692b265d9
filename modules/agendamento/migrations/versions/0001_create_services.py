"""create services, what can be booked

Price and duration are the service's own; an appointment copies neither until it is billed.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "c37b00ae4d14"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS agendamento")
    services = op.create_table(
        "services",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("duration_minutes", sa.SmallInteger(), nullable=False),
        sa.Column("price", sa.Numeric(8, 2), nullable=False, server_default="0"),
        sa.UniqueConstraint("code"),
        sa.CheckConstraint("duration_minutes BETWEEN 5 AND 480", name="duration_fits_a_day"),
        schema="agendamento",
    )
    op.bulk_insert(
        services,
        [
            {"code": "first_visit", "name": "Primeira visita", "duration_minutes": 60, "price": 0},
            {"code": "follow_up", "name": "Retorno", "duration_minutes": 30, "price": 120},
        ],
    )


def downgrade() -> None:
    op.drop_table("services", schema="agendamento")
