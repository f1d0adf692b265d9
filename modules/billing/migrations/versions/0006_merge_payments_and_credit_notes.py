"""merge payments and credit notes

Two heads become one; there is nothing to do in the database.
"""

revision: str = "0ebfa54ec131"
down_revision: tuple[str, ...] = ("0f7732360187", "f93ba23b62c8")
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    pass


def downgrade() -> None:
    pass
