"""create the customer overview of the sales screen

One line a customer: owner, open deals, last visit. Visits belong to agendamento, which itself needs crm:
the modules depend on each other, their revisions do not.
"""

from alembic import op

revision: str = "9cffd4bc4fe1"
down_revision: str | None = "3933c3ccb232"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE VIEW crm.customer_overview AS
        SELECT
            customers.id AS customer_id,
            coalesce(customers.preferred_name, customers.name) AS called,
            owner.full_name AS owner_name,
            (
                SELECT count(*) FROM crm.deals
                WHERE deals.customer_id = customers.id AND deals.closed_at IS NULL
            ) AS open_deals,
            (
                SELECT max(appointments.starts_at) FROM agendamento.appointments
                WHERE appointments.customer_id = customers.id AND appointments.starts_at <= now()
            ) AS last_visit
        FROM crm.customers
        LEFT JOIN user_management.directory AS owner ON owner.user_id = customers.owner_id
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW crm.customer_overview")
