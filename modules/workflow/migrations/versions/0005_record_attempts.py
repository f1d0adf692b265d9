"""record attempts by a trigger

Workers in three languages write jobs; history must not depend on each of them remembering it.
The comparison stands in the function: a condition on the trigger would pin the column's type.
"""

from alembic import op

revision: str = "4f82bd0dab6e"
down_revision: str | None = "6d1abd126e16"
branch_labels: None = None
depends_on: None = None


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION workflow.record_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF NEW.status = OLD.status THEN
                RETURN NULL;
            END IF;
            IF NEW.status = 'PROCESSING' THEN
                INSERT INTO workflow.job_execution_history (job_id, attempt)
                VALUES (NEW.id, NEW.attempts)
                ON CONFLICT (job_id, attempt) DO NOTHING;
            ELSIF OLD.status = 'PROCESSING' THEN
                UPDATE workflow.job_execution_history
                SET finished_at = clock_timestamp(), outcome = NEW.status
                WHERE job_id = NEW.id AND attempt = NEW.attempts;
            END IF;
            RETURN NULL;
        END
        $$
        """
    )
    op.execute(
        """
        CREATE TRIGGER record_attempt AFTER UPDATE ON workflow.workflow_jobs
        FOR EACH ROW EXECUTE FUNCTION workflow.record_attempt()
        """
    )


def downgrade() -> None:
    op.execute("DROP TRIGGER record_attempt ON workflow.workflow_jobs")
    op.execute("DROP FUNCTION workflow.record_attempt()")
