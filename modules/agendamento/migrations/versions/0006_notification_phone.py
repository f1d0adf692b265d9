"""choose the phone to notify a customer by

The rule stands in one place: the second phone, which is usually the mobile, before the first.
"""

from alembic import op

revision: str = "4c47286ee594"
down_revision: str | None = "bb6814fa4fed"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION agendamento.notification_phone(wanted bigint) RETURNS text
        LANGUAGE plpgsql STABLE AS $$
        DECLARE
            phone text;
        BEGIN
            SELECT coalesce(customers.telefone2, customers.telefone1) INTO phone
            FROM crm.customers WHERE customers.id = wanted;
            IF NOT FOUND THEN
                RAISE EXCEPTION 'there is no customer %', wanted;
            END IF;
            RETURN phone;
        END
        $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION agendamento.notification_phone(bigint)")
