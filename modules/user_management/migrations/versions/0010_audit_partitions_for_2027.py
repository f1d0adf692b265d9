"""add the audit partitions of 2027

Made and checked apart, then attached: the parent is locked only for a moment.
"""

from alembic import op

revision: str = "4fba1a40b6f8"
down_revision: str | None = "7591f0c24e5a"
branch_labels: None = None
depends_on: None = None


HALVES = (("2027h1", "2027-01-01", "2027-07-01"), ("2027h2", "2027-07-01", "2028-01-01"))


def upgrade() -> None:
    for half, start, end in HALVES:
        op.execute(
            f"""
            CREATE TABLE user_management.audit_events_{half}
            (LIKE user_management.audit_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
            """
        )
        op.execute(
            f"""
            ALTER TABLE user_management.audit_events
            ATTACH PARTITION user_management.audit_events_{half}
            FOR VALUES FROM ('{start} 00:00+00') TO ('{end} 00:00+00')
            """
        )


def downgrade() -> None:
    for half, _, _ in reversed(HALVES):
        op.execute(
            f"ALTER TABLE user_management.audit_events DETACH PARTITION user_management.audit_events_{half}"
        )
        op.drop_table(f"audit_events_{half}", schema="user_management")
