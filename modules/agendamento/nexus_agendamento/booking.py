"""Books appointments and answers who comes when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import date, datetime

    from psycopg import Connection

BOOK = """
    INSERT INTO agendamento.appointments (customer_id, professional_id, service_id, starts_at, ends_at)
    SELECT %(customer)s, %(professional)s, services.id, %(starts_at)s,
           %(starts_at)s::timestamptz + services.duration_minutes * interval '1 minute'
    FROM agendamento.services
    WHERE services.code = %(service)s
    RETURNING id
"""


def book(
    connection: Connection[Any], *, customer: int, professional: int, service: str, starts_at: datetime
) -> int:
    """Book an appointment; its end follows from the service."""
    row = connection.execute(
        BOOK, {"customer": customer, "professional": professional, "service": service, "starts_at": starts_at}
    ).fetchone()
    assert row is not None
    return int(row[0])


def day_of(connection: Connection[Any], day: date) -> list[tuple[Any, ...]]:
    """The agenda of one day, with what to call each customer and the number to ring."""
    return connection.execute(
        """
        SELECT a.starts_at, a.customer, a.service, agendamento.notification_phone(a.customer_id)
        FROM agendamento.agenda AS a
        WHERE a.starts_at::date = %s AND a.status <> 'cancelled'
        ORDER BY a.starts_at
        """,
        (day,),
    ).fetchall()


def cancel(connection: Connection[Any], appointment: int) -> None:
    """Cancel an appointment; its place in the day is free again."""
    connection.execute(
        "UPDATE agendamento.appointments SET status = 'cancelled' WHERE id = %s", (appointment,)
    )
