"""drop apelido (contract)

Nobody reads the old name any more. Nothing here says that agendamento's view must have moved first: the
coordinator finds that in the SQL.
Going back brings the column and its values, at the end of the table.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "b0f8e2a53d89"
down_revision: str | None = "22fe1056b98d"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("DROP TRIGGER keep_both_names ON crm.customers")
    op.execute("DROP FUNCTION crm.keep_both_names()")
    op.drop_column("customers", "apelido", schema="crm")


def downgrade() -> None:
    op.add_column(
        "customers",
        sa.Column("apelido", sa.Text(), comment="What the customer likes to be called"),
        schema="crm",
    )
    op.execute("UPDATE crm.customers SET apelido = preferred_name WHERE preferred_name IS NOT NULL")
    op.execute(
        """
        CREATE FUNCTION crm.keep_both_names() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'INSERT' THEN
                NEW.preferred_name = coalesce(NEW.preferred_name, NEW.apelido);
                NEW.apelido = NEW.preferred_name;
            ELSIF NEW.apelido IS DISTINCT FROM OLD.apelido THEN
                NEW.preferred_name = NEW.apelido;
            ELSE
                NEW.apelido = NEW.preferred_name;
            END IF;
            RETURN NEW;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER keep_both_names BEFORE INSERT OR UPDATE ON crm.customers
        FOR EACH ROW EXECUTE FUNCTION crm.keep_both_names()
        """
    )
