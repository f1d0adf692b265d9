"""retire the fax templates

The last fax was sent in March. Retired templates are moved, not lost, so going back restores them as they
were; those that were ever used stay where messages point at them.
"""

from alembic import op

revision: str = "fa3b83194e3a"
down_revision: str | None = "2c93c6ee29b0"
branch_labels: None = None
depends_on: None = None
deletes_rows: bool = True


def upgrade() -> None:
    op.execute("CREATE TABLE notifications.retired_templates (LIKE notifications.templates)")
    op.create_primary_key(None, "retired_templates", ["id"], schema="notifications")
    op.execute(
        """
        WITH gone AS (
            DELETE FROM notifications.templates
            WHERE channel = 'fax' AND NOT EXISTS (
                SELECT FROM notifications.messages WHERE messages.template_id = templates.id
            )
            RETURNING *
        )
        INSERT INTO notifications.retired_templates SELECT * FROM gone
        """
    )


def downgrade() -> None:
    op.execute("INSERT INTO notifications.templates SELECT * FROM notifications.retired_templates")
    op.drop_table("retired_templates", schema="notifications")
