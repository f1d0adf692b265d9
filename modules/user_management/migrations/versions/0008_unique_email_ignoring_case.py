"""make addresses unique whatever their case

Ana@ and ana@ were two accounts of one person. The key is generated, so what people typed is kept.
The index would refuse shared addresses too, but without saying how many there are to clean up.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "001e4aab80b4"
down_revision: str | None = "c1f471b6498c"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    _refuse_shared_addresses()
    op.add_column(
        "users",
        sa.Column("email_key", sa.Text(), sa.Computed("lower(email)", persisted=True)),
        schema="user_management",
    )
    op.create_unique_constraint(None, "users", ["email_key"], schema="user_management")


def downgrade() -> None:
    op.drop_constraint("uq_users_email_key", "users", schema="user_management", type_="unique")
    op.drop_column("users", "email_key", schema="user_management")


def _refuse_shared_addresses() -> None:
    if op.get_context().as_sql:
        return  # a script cannot ask; the constraint answers when it is run
    shared = op.get_bind().execute(
        sa.text("SELECT lower(email) FROM user_management.users GROUP BY 1 HAVING count(*) > 1")
    )
    if count := len(shared.all()):
        raise RuntimeError(f"{count} e-mail addresses belong to several users; merge those users first")
