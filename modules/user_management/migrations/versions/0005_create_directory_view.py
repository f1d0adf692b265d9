"""create the directory, what other modules may read of a user

Agenda and overviews show a name. Through this view they get it without reading the login table.
"""

from alembic import op

revision: str = "95608e55e031"
down_revision: str | None = "02084d13d618"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE VIEW user_management.directory AS
        SELECT id AS user_id, full_name, email
        FROM user_management.users
        WHERE status <> 'suspended'
        """
    )
    op.execute("COMMENT ON VIEW user_management.directory IS 'Names and addresses for other modules'")


def downgrade() -> None:
    op.execute("DROP VIEW user_management.directory")
