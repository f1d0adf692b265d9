"""create enqueue_job, a job and its message at once

Other modules call this from their own transactions; a second call with the same key returns the first job.
"""

from alembic import op

revision: str = "2098a26aa15a"
down_revision: str | None = "4f82bd0dab6e"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION workflow.enqueue_job(
            wanted_type text, wanted_key text, wanted_payload jsonb, wanted_route text DEFAULT 'workflow.jobs'
        ) RETURNS uuid LANGUAGE plpgsql AS $$
        DECLARE
            job uuid;
        BEGIN
            INSERT INTO workflow.workflow_jobs (workflow_type, idempotency_key, payload)
            VALUES (wanted_type, wanted_key, wanted_payload)
            ON CONFLICT (idempotency_key) DO NOTHING
            RETURNING id INTO job;
            IF job IS NULL THEN
                SELECT id INTO STRICT job FROM workflow.workflow_jobs WHERE idempotency_key = wanted_key;
                RETURN job;
            END IF;
            INSERT INTO workflow.outbox_messages (job_id, routing_key, deduplication_key, payload)
            VALUES (job, wanted_route, 'job/' || job, wanted_payload);
            RETURN job;
        END
        $$
        """
    )


def downgrade() -> None:
    op.execute("DROP FUNCTION workflow.enqueue_job(text, text, jsonb, text)")
