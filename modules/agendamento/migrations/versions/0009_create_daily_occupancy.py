"""create the daily occupancy of each professional

The dashboard adds up a year of appointments; refreshed at night, unique so that it can be refreshed
concurrently.
"""

from alembic import op

revision: str = "667a0f797462"
down_revision: str | None = "e5dd7da783e6"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE MATERIALIZED VIEW agendamento.daily_occupancy AS
        SELECT
            professional_id,
            (starts_at AT TIME ZONE 'America/Sao_Paulo')::date AS day,
            count(*) AS appointments,
            sum(ends_at - starts_at) AS booked
        FROM agendamento.appointments
        WHERE status <> 'cancelled'
        GROUP BY 1, 2
        """
    )
    op.create_index(
        "uq_daily_occupancy", "daily_occupancy", ["professional_id", "day"], schema="agendamento", unique=True
    )


def downgrade() -> None:
    op.execute("DROP MATERIALIZED VIEW agendamento.daily_occupancy")
