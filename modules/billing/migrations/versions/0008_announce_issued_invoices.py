"""announce issued invoices through the workflow

The mail with the invoice is a job: written in the transaction that issues it, sent by a worker, once.
"""

from alembic import op

revision: str = "cf70e4a2e4ae"
down_revision: str | None = "c90340c5395f"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION billing.announce_invoice() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            PERFORM workflow.enqueue_job(
                'invoice.issued',
                'invoice.issued/' || NEW.number,
                jsonb_build_object('invoice', NEW.number, 'customer', NEW.customer_id, 'total', NEW.total),
                'notifications.invoice'
            );
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER announce_invoice AFTER UPDATE OF status ON billing.invoices
        FOR EACH ROW WHEN (OLD.status = 'draft' AND NEW.status = 'issued')
        EXECUTE FUNCTION billing.announce_invoice()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER announce_invoice ON billing.invoices")
    op.execute("DROP FUNCTION billing.announce_invoice()")
