"""create professionals, the users who can be booked

Not every user takes appointments. The user is the key, so nobody is a professional twice.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "3f95ba2d2e89"
down_revision: str | None = "c37b00ae4d14"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_table(
        "professionals",
        sa.Column("user_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("specialty", sa.Text(), nullable=False, server_default="geral"),
        sa.Column("active", sa.Boolean(), nullable=False, server_default=sa.true()),
        sa.ForeignKeyConstraint(["user_id"], ["user_management.users.id"]),
        schema="agendamento",
    )
    op.create_table(
        "working_hours",
        sa.Column("user_id", sa.BigInteger(), primary_key=True),
        sa.Column("weekday", sa.SmallInteger(), primary_key=True, comment="0 is Sunday"),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["agendamento.professionals.user_id"], ondelete="CASCADE"),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday_exists"),
        sa.CheckConstraint("closes > opens", name="closes_later"),
        schema="agendamento",
    )


def downgrade() -> None:
    op.drop_table("working_hours", schema="agendamento")
    op.drop_table("professionals", schema="agendamento")
