"""Writes the reminders of tomorrow's appointments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

# The mobile number if there is one: a reminder is a text message.
RECIPIENTS = """
    SELECT a.id, c.id, coalesce(c.telefone2, c.telefone1), coalesce(c.preferred_name, c.name)
    FROM agendamento.appointments AS a
    JOIN agendamento.reminder_targets AS t ON t.customer_id = a.customer_id AND t.wanted
    JOIN crm.customers AS c ON c.id = a.customer_id
    WHERE a.status IN ('booked', 'confirmed')
      AND a.starts_at BETWEEN now() AND now() + t.hours_ahead * interval '1 hour'
"""
WRITE = """
    INSERT INTO notifications.messages (template_id, customer_id, appointment_id, recipient, deduplication_key)
    SELECT templates.id, %s, %s, %s, %s
    FROM notifications.templates
    WHERE templates.code = 'appointment.reminder' AND templates.channel = 'sms'
    ON CONFLICT (deduplication_key) DO NOTHING
"""


def remind(connection: Connection[Any]) -> int:
    """One message for each appointment that needs one; how many were looked at."""
    rows = connection.execute(RECIPIENTS).fetchall()
    for appointment, customer, phone, _ in rows:
        if phone is not None:
            connection.execute(WRITE, (customer, appointment, phone, f"reminder/{appointment}"))
    return len(rows)
