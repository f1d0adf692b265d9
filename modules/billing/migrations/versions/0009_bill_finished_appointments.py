"""draft an invoice when an appointment is done

The reception forgot every tenth one. The trigger stands on agendamento's table, which is said by `touches`; it
reads prices above a million too, so it was written for their wider type, which is said by `requires`.
"""

from alembic import op

revision: str = "189661f38b2d"
down_revision: str | None = "cf70e4a2e4ae"
branch_labels: None = None
depends_on: None = None
touches: list[str] = ["agendamento"]
requires: list[str] = ["agendamento:0dcd4d8e4914"]


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION billing.bill_appointment() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            draft bigint;
        BEGIN
            INSERT INTO billing.invoices (customer_id) VALUES (NEW.customer_id) RETURNING id INTO draft;
            INSERT INTO billing.invoice_lines (invoice_id, line, description, unit_price, appointment_id)
            SELECT draft, 1, services.name, services.price, NEW.id
            FROM agendamento.services WHERE services.id = NEW.service_id;
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER bill_appointment AFTER UPDATE OF status ON agendamento.appointments
        FOR EACH ROW WHEN (OLD.status <> 'done' AND NEW.status = 'done')
        EXECUTE FUNCTION billing.bill_appointment()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER bill_appointment ON agendamento.appointments")
    op.execute("DROP FUNCTION billing.bill_appointment()")
