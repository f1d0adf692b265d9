"""seed the customers that stand for people without a name

A sale over the counter needs a customer; these two are every branch's first.
They belong to the system user: a row, which no parser can see in the SQL, hence `requires`.
"""

from alembic import op

revision: str = "c72276236a2d"
down_revision: str | None = "449349bdb4b0"
branch_labels: None = None
depends_on: None = None
requires: list[str] = ["user_management:de122f257790"]


def upgrade() -> None:
    op.execute(
        """
        INSERT INTO crm.customers (name, apelido, email, telefone1, owner_id)
        SELECT seed.name, seed.apelido, seed.email, seed.telefone1, owner.id
        FROM (VALUES
            ('Consumidor final', 'Balcão', NULL, '+55 11 4000-0001'),
            ('Nexus Demonstração Ltda', 'Nexus', 'demo@nexus.example', '+55 11 4000-0002')
        ) AS seed (name, apelido, email, telefone1)
        JOIN user_management.users AS owner ON owner.email = 'system@nexus.example'
        """
    )
    op.execute(
        """
        INSERT INTO crm.contacts (customer_id, kind, value, position)
        SELECT customers.id, 'phone', '+55 11 94000-0002', 2
        FROM crm.customers WHERE customers.name = 'Nexus Demonstração Ltda'
        """
    )


def downgrade() -> None:
    op.execute("DELETE FROM crm.customers WHERE name IN ('Consumidor final', 'Nexus Demonstração Ltda')")
