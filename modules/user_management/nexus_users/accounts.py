"""Opens accounts and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection


def open_account(connection: Connection[Any], email: str, full_name: str, role: str) -> int:
    """A user with one role; the address decides, whatever its case."""
    row = connection.execute(
        "INSERT INTO user_management.users (email, full_name) VALUES (%s, %s) RETURNING id",
        (email, full_name),
    ).fetchone()
    assert row is not None
    connection.execute(
        """
        INSERT INTO user_management.user_roles (user_id, role_id)
        SELECT %s, roles.id FROM user_management.roles WHERE roles.code = %s
        """,
        (row[0], role),
    )
    return int(row[0])


def log_in(connection: Connection[Any], email: str) -> str | None:
    """A new session for an active user; None when there is none."""
    row = connection.execute(
        """
        INSERT INTO user_management.sessions (user_id, expires_at)
        SELECT users.id, now() + interval '12 hours'
        FROM user_management.users
        WHERE users.email_key = lower(%s) AND users.status = 'active'
        RETURNING id
        """,
        (email,),
    ).fetchone()
    return None if row is None else str(row[0])


def note_origin(connection: Connection[Any], customer: int, by: int, field: str) -> None:
    """Remember which module a customer's contact came from."""
    connection.execute(
        """
        INSERT INTO user_management.contact_origins (customer_id, recorded_by, field, origin)
        VALUES (%s, %s, %s, 'crm')
        ON CONFLICT (customer_id, field) DO NOTHING
        """,
        (customer, by, field),
    )
