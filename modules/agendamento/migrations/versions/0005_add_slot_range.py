"""add the time slot as a range, and find clashes by it

Two appointments clash when their ranges overlap; as a generated column the range is never out of date.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import TSTZRANGE

revision: str = "bb6814fa4fed"
down_revision: str | None = "bce7d73b5732"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column(
        "appointments",
        sa.Column("slot", TSTZRANGE(), sa.Computed("tstzrange(starts_at, ends_at)", persisted=True)),
        schema="agendamento",
    )
    op.create_index(
        "ix_appointments_slot", "appointments", ["slot"], schema="agendamento", postgresql_using="gist"
    )


def downgrade() -> None:
    op.drop_index("ix_appointments_slot", "appointments", schema="agendamento")
    op.drop_column("appointments", "slot", schema="agendamento")
