"""check that waiting jobs say what for

Uses the new value of the enum, which must be committed first: this can never share a transaction with it.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "0c8c67f341e7"
down_revision: str | None = "08bf78d5872b"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.create_check_constraint(
        "waits_for_something",
        "workflow_jobs",
        "(status = 'WAITING_FOR_EVENT') = (waiting_for_event IS NOT NULL)",
        schema="workflow",
    )
    op.create_index(
        "ix_workflow_jobs_waiting",
        "workflow_jobs",
        ["waiting_for_event"],
        schema="workflow",
        postgresql_using="gin",
        postgresql_where=sa.text("status = 'WAITING_FOR_EVENT'"),
    )


def downgrade() -> None:
    op.drop_index("ix_workflow_jobs_waiting", "workflow_jobs", schema="workflow")
    op.drop_constraint("waits_for_something", "workflow_jobs", schema="workflow", type_="check")
