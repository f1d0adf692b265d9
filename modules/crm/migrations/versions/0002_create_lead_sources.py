"""create lead sources and note each customer's

Marketing asks every month which source paid for itself.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "52f2dd8cc5ce"
down_revision: str | None = "5690902a2ba8"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    sources = op.create_table(
        "lead_sources",
        sa.Column("id", sa.SmallInteger(), primary_key=True, autoincrement=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.UniqueConstraint("code"),
        schema="crm",
    )
    op.bulk_insert(
        sources,
        [
            {"id": 1, "code": "website", "label": "Site"},
            {"id": 2, "code": "referral", "label": "Indicação"},
            {"id": 3, "code": "walk_in", "label": "Balcão"},
        ],
    )
    op.add_column("customers", sa.Column("lead_source_id", sa.SmallInteger()), schema="crm")
    op.create_foreign_key(
        None,
        "customers",
        "lead_sources",
        ["lead_source_id"],
        ["id"],
        source_schema="crm",
        referent_schema="crm",
    )


def downgrade() -> None:
    op.drop_constraint(
        "fk_customers_lead_source_id_lead_sources", "customers", schema="crm", type_="foreignkey"
    )
    op.drop_column("customers", "lead_source_id", schema="crm")
    op.drop_table("lead_sources", schema="crm")
