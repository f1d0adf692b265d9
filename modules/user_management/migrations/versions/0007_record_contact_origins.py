"""record where each customer's contact came from

Consent has an origin: whoever answers a privacy request must say which module brought a phone number, and
when.
The first rows are the numbers that agendamento already reminds customers by.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "c1f471b6498c"
down_revision: str | None = "0a39641bfe38"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "contact_origins",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=True), primary_key=True),
        sa.Column("customer_id", sa.BigInteger(), nullable=False),
        sa.Column("recorded_by", sa.BigInteger(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False, comment="telefone1, telefone2 or email"),
        sa.Column("origin", sa.Text(), nullable=False, comment="The module that the contact came from"),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        sa.ForeignKeyConstraint(["recorded_by"], ["user_management.users.id"]),
        sa.UniqueConstraint("customer_id", "field"),
        sa.CheckConstraint("field IN ('telefone1', 'telefone2', 'email')", name="known_field"),
        schema="user_management",
    )
    op.create_foreign_key(
        None,
        "contact_origins",
        "customers",
        ["customer_id"],
        ["id"],
        source_schema="user_management",
        referent_schema="crm",
        ondelete="CASCADE",
    )
    op.execute(
        """
        INSERT INTO user_management.contact_origins (customer_id, recorded_by, field, origin)
        SELECT target.customer_id, importer.id, target.phone_field, 'agendamento'
        FROM agendamento.reminder_targets AS target
        JOIN user_management.users AS importer ON importer.email = 'import@nexus.example'
        """
    )


def downgrade() -> None:
    op.drop_constraint(
        "fk_contact_origins_customer_id_customers",
        "contact_origins",
        schema="user_management",
        type_="foreignkey",
    )
    op.drop_table("contact_origins", schema="user_management")
