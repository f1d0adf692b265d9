"""queue reminders of appointments

Reads the agenda as it is after it moved to preferred_name: `requires` says which of its two versions is
meant.
"""

from alembic import op

revision: str = "2c93c6ee29b0"
down_revision: str | None = "d122b04b2360"
branch_labels: None = None
depends_on: None = None
requires: list[str] = ["agendamento:e5dd7da783e6"]


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION notifications.queue_reminders(ahead interval) RETURNS bigint
        LANGUAGE plpgsql AS $$
        DECLARE
            queued bigint;
        BEGIN
            INSERT INTO notifications.messages
                (template_id, customer_id, appointment_id, recipient, deduplication_key)
            SELECT
                templates.id,
                agenda.customer_id,
                agenda.appointment_id,
                agendamento.notification_phone(agenda.customer_id),
                'reminder/' || agenda.appointment_id
            FROM agendamento.agenda
            JOIN agendamento.reminder_targets AS target
                ON target.customer_id = agenda.customer_id AND target.wanted
            JOIN notifications.templates
                ON templates.code = 'appointment.reminder' AND templates.channel = 'sms'
            WHERE agenda.starts_at BETWEEN now() AND now() + ahead
            ON CONFLICT (deduplication_key) DO NOTHING;
            GET DIAGNOSTICS queued = ROW_COUNT;
            RETURN queued;
        END
        $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION notifications.queue_reminders(interval)")
