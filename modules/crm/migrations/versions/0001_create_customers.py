"""create customers, each looked after by a user

The centre of the CRM. A customer without an owner is answered by nobody, so the owner is mandatory.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "5690902a2ba8"
down_revision: str | None = None
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute("CREATE SCHEMA IF NOT EXISTS crm")
    op.create_table(
        "customers",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("apelido", sa.Text(), comment="What the customer likes to be called"),
        sa.Column("email", sa.Text()),
        sa.Column("telefone1", sa.Text()),
        sa.Column("owner_id", sa.BigInteger(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.func.now()),
        schema="crm",
        comment="People and companies we sell to",
    )
    op.create_foreign_key(
        None,
        "customers",
        "users",
        ["owner_id"],
        ["id"],
        source_schema="crm",
        referent_schema="user_management",
    )
    op.create_index("ix_customers_owner_id", "customers", ["owner_id"], schema="crm")


def downgrade() -> None:
    op.drop_index("ix_customers_owner_id", "customers", schema="crm")
    op.drop_constraint("fk_customers_owner_id_users", "customers", schema="crm", type_="foreignkey")
    op.drop_table("customers", schema="crm")
