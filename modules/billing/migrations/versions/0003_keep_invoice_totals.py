"""keep each invoice's total by a trigger

Lists and reminders read the total far more often than lines change.
"""

from alembic import op

revision: str = "5ef13bc55c16"
down_revision: str | None = "5c54cde8f3ce"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION billing.keep_total() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE
            changed bigint;
        BEGIN
            IF TG_OP = 'DELETE' THEN
                changed = OLD.invoice_id;
            ELSE
                changed = NEW.invoice_id;
            END IF;
            UPDATE billing.invoices
            SET total = (
                SELECT coalesce(sum(amount), 0) FROM billing.invoice_lines WHERE invoice_id = changed
            )
            WHERE id = changed;
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER keep_total AFTER INSERT OR UPDATE OR DELETE ON billing.invoice_lines
        FOR EACH ROW EXECUTE FUNCTION billing.keep_total()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_total ON billing.invoice_lines")
    op.execute("DROP FUNCTION billing.keep_total()")
