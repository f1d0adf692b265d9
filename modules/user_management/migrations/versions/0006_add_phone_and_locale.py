"""add a phone and a language to users

Warnings go to the people on call by SMS, in the language they read.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0a39641bfe38"
down_revision: str | None = "95608e55e031"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    with op.batch_alter_table("users", schema="user_management") as users:
        users.add_column(sa.Column("phone", sa.Text()))
        users.add_column(sa.Column("locale", sa.Text(), nullable=False, server_default="pt_BR"))
        users.create_check_constraint("locale_form", "locale ~ '^[a-z]{2}_[A-Z]{2}$'")


def downgrade() -> None:
    with op.batch_alter_table("users", schema="user_management") as users:
        users.drop_constraint("locale_form", type_="check")
        users.drop_column("locale")
        users.drop_column("phone")
