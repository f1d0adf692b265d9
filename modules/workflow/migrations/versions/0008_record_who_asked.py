"""record the user who asked for a job

Support wants to tell somebody when their export is ready. Jobs outlive accounts, so the link may become
empty.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "4bd2cb805354"
down_revision: str | None = "7c3948f8efc9"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.add_column("workflow_jobs", sa.Column("requested_by", sa.BigInteger()), schema="workflow")
    op.create_foreign_key(
        None,
        "workflow_jobs",
        "users",
        ["requested_by"],
        ["id"],
        source_schema="workflow",
        referent_schema="user_management",
        ondelete="SET NULL",
    )


def downgrade() -> None:
    op.drop_constraint(
        "fk_workflow_jobs_requested_by_users", "workflow_jobs", schema="workflow", type_="foreignkey"
    )
    op.drop_column("workflow_jobs", "requested_by", schema="workflow")
