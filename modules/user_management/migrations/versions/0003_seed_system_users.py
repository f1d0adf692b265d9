"""seed the roles and the two users that are machines

Imports and nightly jobs need an author: rows made by no person belong to one of these.
Other modules look the users up by their address, never by a number.
"""

import sqlalchemy as sa
from alembic import op

revision: str = "de122f257790"
down_revision: str | None = "4b108dac0f3a"
branch_labels: None = None
depends_on: None = None


ROLES = sa.table(
    "roles", sa.column("id", sa.SmallInteger), sa.column("code", sa.Text), schema="user_management"
)
USERS = sa.table(
    "users", sa.column("email", sa.Text), sa.column("full_name", sa.Text), schema="user_management"
)
MACHINES = (("system@nexus.example", "System"), ("import@nexus.example", "Data import"))


def upgrade() -> None:
    roles = ("admin", "sales", "reception", "machine")
    op.bulk_insert(ROLES, [{"id": number, "code": code} for number, code in enumerate(roles, start=1)])
    op.bulk_insert(USERS, [{"email": email, "full_name": name} for email, name in MACHINES])
    op.execute(
        """
        INSERT INTO user_management.user_roles (user_id, role_id)
        SELECT users.id, roles.id
        FROM user_management.users CROSS JOIN user_management.roles
        WHERE users.email IN ('system@nexus.example', 'import@nexus.example') AND roles.code = 'machine'
        """
    )


def downgrade() -> None:
    op.execute(sa.delete(USERS).where(USERS.c.email.in_([email for email, _ in MACHINES])))
    op.execute(sa.delete(ROLES).where(ROLES.c.id <= 4))
