"""show what waits for us in the workflow's outbox

The relay may be down; this view is what the alarm counts.
"""

from alembic import op

revision: str = "d122b04b2360"
down_revision: str | None = "cee1c2fcc98f"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE VIEW notifications.pending_outbox AS
        SELECT id, routing_key, payload, now() - created_at AS age
        FROM workflow.outbox_messages
        WHERE published_at IS NULL AND routing_key LIKE 'notifications.%'
        """
    )


def downgrade() -> None:
    op.execute("DROP VIEW notifications.pending_outbox")
