"""let the agenda read preferred_name (switch)

The view's columns stay, only its source moves; after this crm may drop apelido.
"""

from alembic import op

revision: str = "e5dd7da783e6"
down_revision: str | None = "c896e9ec3373"
branch_labels: None = None
depends_on: None = None


AGENDA = """
    CREATE OR REPLACE VIEW agendamento.agenda AS
    SELECT
        appointments.id AS appointment_id,
        appointments.starts_at,
        appointments.status,
        appointments.customer_id,
        coalesce(customers.{name}, customers.name) AS customer,
        professional.full_name AS professional,
        services.name AS service
    FROM agendamento.appointments
    JOIN agendamento.services ON services.id = appointments.service_id
    JOIN crm.customers ON customers.id = appointments.customer_id
    LEFT JOIN user_management.directory AS professional
        ON professional.user_id = appointments.professional_id
"""


def upgrade() -> None:
    op.execute(AGENDA.format(name="preferred_name"))


def downgrade() -> None:
    op.execute(AGENDA.format(name="apelido"))
