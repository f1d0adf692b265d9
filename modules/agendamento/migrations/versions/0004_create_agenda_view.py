"""create the agenda that the reception looks at

Names come from crm and user_management: a view, so that there is no copy to go stale.
"""

from alembic import op

revision: str = "bce7d73b5732"
down_revision: str | None = "ca8a2b40c51d"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE VIEW agendamento.agenda AS
        SELECT
            appointments.id AS appointment_id,
            appointments.starts_at,
            appointments.status,
            appointments.customer_id,
            coalesce(customers.apelido, customers.name) AS customer,
            professional.full_name AS professional,
            services.name AS service
        FROM agendamento.appointments
        JOIN agendamento.services ON services.id = appointments.service_id
        JOIN crm.customers ON customers.id = appointments.customer_id
        LEFT JOIN user_management.directory AS professional
            ON professional.user_id = appointments.professional_id
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW agendamento.agenda")
