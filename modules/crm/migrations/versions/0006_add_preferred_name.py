"""add preferred_name beside apelido (expand)

The column is renamed without a moment in which a reader breaks: first both exist and agree, then readers
move, then the old one goes. Until then a trigger writes whichever of the two was left behind.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "a97bb111fae9"
down_revision: str | None = "60d43b31a9c0"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column(
        "customers",
        sa.Column("preferred_name", sa.Text(), comment="What the customer likes to be called"),
        schema="crm",
    )
    op.execute("UPDATE crm.customers SET preferred_name = apelido WHERE apelido IS NOT NULL")
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


def downgrade() -> None:
    op.execute("DROP TRIGGER keep_both_names ON crm.customers")
    op.execute("DROP FUNCTION crm.keep_both_names()")
    op.drop_column("customers", "preferred_name", schema="crm")
