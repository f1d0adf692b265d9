"""call channel_settings channels, as people do

Nobody outside this module reads the table, so one rename is enough and no expand and contract is needed.
"""

from alembic import op

revision: str = "1055c9f49ed3"
down_revision: str | None = "fa3b83194e3a"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.rename_table("channel_settings", "channels", schema="notifications")
    op.create_table_comment("channels", "Which channels are on, and how fast", schema="notifications")


def downgrade() -> None:
    op.drop_table_comment("channels", schema="notifications")
    op.rename_table("channels", "channel_settings", schema="notifications")
