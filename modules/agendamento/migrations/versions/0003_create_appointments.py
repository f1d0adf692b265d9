"""create appointments

A customer, a professional, a service and a time: the table that the rest of this module is about.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "ca8a2b40c51d"
down_revision: str | None = "3f95ba2d2e89"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "appointments",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("professional_id", sa.BigInteger(), nullable=False),
        sa.Column("service_id", sa.BigInteger(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "booked", "confirmed", "done", "cancelled", name="appointment_status", schema="agendamento"
            ),
            nullable=False,
            server_default="booked",
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["crm.customers.id"]),
        sa.ForeignKeyConstraint(["professional_id"], ["agendamento.professionals.user_id"]),
        sa.ForeignKeyConstraint(["service_id"], ["agendamento.services.id"]),
        sa.CheckConstraint("ends_at > starts_at", name="ends_later"),
        schema="agendamento",
    )
    op.create_index("ix_appointments_customer_id", "appointments", ["customer_id"], schema="agendamento")


def downgrade() -> None:
    op.drop_table("appointments", schema="agendamento")
    op.execute("DROP TYPE agendamento.appointment_status")
