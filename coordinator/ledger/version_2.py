"""Version 2 of the ledger's tables: kept data, holds, accepted edits, incidents, modules; what plain Alembic applied has no run."""

from __future__ import annotations

SCRIPT = """
ALTER TABLE migrate.run ADD COLUMN IF NOT EXISTS attempt text NOT NULL DEFAULT '';
ALTER TABLE migrate.run ADD COLUMN IF NOT EXISTS final boolean NOT NULL DEFAULT false;
ALTER TABLE migrate.run ADD COLUMN IF NOT EXISTS system text NOT NULL DEFAULT '';
COMMENT ON COLUMN migrate.run.attempt IS 'SHA-256 of what was tried and from where: the pending revisions with their contents, and the heads.';
COMMENT ON COLUMN migrate.run.final IS 'true: it failed for a reason that lies in code or data, and the same attempt is not made again unasked.';
COMMENT ON COLUMN migrate.run.system IS 'System identifier and timeline of the server when the run began; on another one, what it says about the run''s segments proves nothing.';

ALTER TABLE migrate.applied ALTER COLUMN run DROP NOT NULL;
ALTER TABLE migrate.applied ADD COLUMN IF NOT EXISTS requires text[] NOT NULL DEFAULT '{}';
ALTER TABLE migrate.applied ADD COLUMN IF NOT EXISTS effects jsonb;
ALTER TABLE migrate.applied ADD COLUMN IF NOT EXISTS seconds double precision NOT NULL DEFAULT 0;
ALTER TABLE migrate.applied ADD COLUMN IF NOT EXISTS touched jsonb;
COMMENT ON COLUMN migrate.applied.run IS 'The run that applied it; null: plain Alembic did, and a later run found it in the version table.';
COMMENT ON COLUMN migrate.applied.requires IS 'Revisions of other modules that it goes after, as module:revision.';
COMMENT ON COLUMN migrate.applied.effects IS 'What its upgrade and its downgrade do to which objects, for checkouts that do not have its file; null when not known.';
COMMENT ON COLUMN migrate.applied.seconds IS 'How long its upgrade took.';
COMMENT ON COLUMN migrate.applied.touched IS 'Objects of the catalog that its upgrade changed, each with digests of its definition before and after; null when not known.';

CREATE TABLE IF NOT EXISTS migrate.module (
  name text PRIMARY KEY,
  schemas text[] NOT NULL,
  version_table text NOT NULL,
  owner text,
  seen timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE migrate.module IS 'Modules as the last checkout that had them named them, for checkouts that do not.';
COMMENT ON COLUMN migrate.module.name IS 'Name of the module.';
COMMENT ON COLUMN migrate.module.schemas IS 'Schemas that it owns, its main one first.';
COMMENT ON COLUMN migrate.module.version_table IS 'schema.table that holds its heads.';
COMMENT ON COLUMN migrate.module.owner IS 'Role that its steps run as; null: the one that deploys.';
COMMENT ON COLUMN migrate.module.seen IS 'When a run last had its files, by the server''s clock.';

CREATE TABLE IF NOT EXISTS migrate.hold (
  module text NOT NULL,
  revision text NOT NULL,
  run bigint NOT NULL REFERENCES migrate.run,
  since timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (module, revision)
);
COMMENT ON TABLE migrate.hold IS 'Revisions that were rolled back on purpose and are not applied again until they are released. Written with the reversal itself.';
COMMENT ON COLUMN migrate.hold.module IS 'Module of the revision.';
COMMENT ON COLUMN migrate.hold.revision IS 'Revision id in its module''s tree.';
COMMENT ON COLUMN migrate.hold.run IS 'The rollback that put it on hold.';
COMMENT ON COLUMN migrate.hold.since IS 'When, by the server''s clock.';

CREATE TABLE IF NOT EXISTS migrate.acceptance (
  module text NOT NULL,
  revision text NOT NULL,
  digest text NOT NULL,
  source text NOT NULL,
  reason text NOT NULL,
  role text NOT NULL DEFAULT session_user,
  host text NOT NULL,
  accepted timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (module, revision, digest)
);
COMMENT ON TABLE migrate.acceptance IS 'Edits of applied revisions that a person has accepted.';
COMMENT ON COLUMN migrate.acceptance.module IS 'Module of the revision.';
COMMENT ON COLUMN migrate.acceptance.revision IS 'Revision id in its module''s tree.';
COMMENT ON COLUMN migrate.acceptance.digest IS 'SHA-256 of the accepted text''s syntax tree.';
COMMENT ON COLUMN migrate.acceptance.source IS 'The accepted text.';
COMMENT ON COLUMN migrate.acceptance.reason IS 'Why, in that person''s words.';
COMMENT ON COLUMN migrate.acceptance.role IS 'Role that was logged in.';
COMMENT ON COLUMN migrate.acceptance.host IS 'Host on which it was accepted.';
COMMENT ON COLUMN migrate.acceptance.accepted IS 'When, by the server''s clock.';

CREATE TABLE IF NOT EXISTS migrate.kept (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run bigint NOT NULL REFERENCES migrate.run,
  module text NOT NULL,
  revision text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('upgrade', 'downgrade')),
  kind text NOT NULL,
  table_schema text NOT NULL,
  table_name text NOT NULL,
  columns text[] NOT NULL,
  key text[] NOT NULL,
  rest text[] NOT NULL,
  left_as text[] NOT NULL DEFAULT '{}',
  rows bigint NOT NULL,
  bytes bigint NOT NULL,
  checksum text NOT NULL,
  left_out text[] NOT NULL,
  copy text,
  kept timestamptz NOT NULL DEFAULT clock_timestamp(),
  expires timestamptz NOT NULL,
  ended timestamptz,
  ending text,
  ended_by bigint REFERENCES migrate.run,
  put_back bigint,
  conflicts bigint
);
COMMENT ON TABLE migrate.kept IS 'Data that a step was about to destroy, copied in the step''s own transaction. The rows themselves are in the table that `copy` names.';
COMMENT ON COLUMN migrate.kept.number IS 'Counts up; the name of the copy is made from it.';
COMMENT ON COLUMN migrate.kept.run IS 'The run of the step.';
COMMENT ON COLUMN migrate.kept.module IS 'Module of the step''s revision.';
COMMENT ON COLUMN migrate.kept.revision IS 'Revision id of the step.';
COMMENT ON COLUMN migrate.kept.direction IS 'Which of its functions destroyed the data; its opposite puts it back.';
COMMENT ON COLUMN migrate.kept.kind IS 'table (dropped), columns (dropped or retyped), or rows (changed or deleted).';
COMMENT ON COLUMN migrate.kept.table_schema IS 'Schema of the table that the data was in.';
COMMENT ON COLUMN migrate.kept.table_name IS 'That table.';
COMMENT ON COLUMN migrate.kept.columns IS 'Columns whose values are kept.';
COMMENT ON COLUMN migrate.kept.key IS 'Columns that tell the rows apart; empty: no key, so it is not put back by itself unless the whole table was dropped.';
COMMENT ON COLUMN migrate.kept.rest IS 'The other columns of the row after the step, whose digest tells later whether the row was changed since.';
COMMENT ON COLUMN migrate.kept.left_as IS 'Schema, table and key columns as the step left them, which may have renamed them; empty: the table was gone.';
COMMENT ON COLUMN migrate.kept.rows IS 'How many rows are kept: those copied and counted in the source, without those that the step left as they were.';
COMMENT ON COLUMN migrate.kept.bytes IS 'How large the copy is.';
COMMENT ON COLUMN migrate.kept.checksum IS 'Sum over the kept values, for the proof after putting them back.';
COMMENT ON COLUMN migrate.kept.left_out IS 'Columns that were not kept because the map says that they are personal.';
COMMENT ON COLUMN migrate.kept.copy IS 'Name of the table in this schema that holds the rows; null when they were erased.';
COMMENT ON COLUMN migrate.kept.kept IS 'When, by the server''s clock.';
COMMENT ON COLUMN migrate.kept.expires IS 'From when on `migrate gc` may erase it.';
COMMENT ON COLUMN migrate.kept.ended IS 'When it was put back or erased, or given up before it was copied.';
COMMENT ON COLUMN migrate.kept.ending IS 'put back, expired or erased; discarded, left out or off: it was never copied.';
COMMENT ON COLUMN migrate.kept.ended_by IS 'The run that put it back.';
COMMENT ON COLUMN migrate.kept.put_back IS 'How many rows got their values back.';
COMMENT ON COLUMN migrate.kept.conflicts IS 'How many rows were changed since and left as they are.';

CREATE TABLE IF NOT EXISTS migrate.checkpoint (
  token uuid NOT NULL,
  number integer NOT NULL,
  fingerprint text NOT NULL DEFAULT '',
  there text[] NOT NULL DEFAULT '{}',
  committed timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (token, number)
);
COMMENT ON TABLE migrate.checkpoint IS 'How far a segment came whose statements commit one by one. Row 0 is written before it; each other row is written inside a transaction that the segment commits.';
COMMENT ON COLUMN migrate.checkpoint.token IS 'The token of migrate.intent.';
COMMENT ON COLUMN migrate.checkpoint.number IS '0, then one more with each commit.';
COMMENT ON COLUMN migrate.checkpoint.fingerprint IS 'In row 0: fingerprint of the catalog before the segment.';
COMMENT ON COLUMN migrate.checkpoint.there IS 'In row 0: which of the objects that the segment makes were there before it.';
COMMENT ON COLUMN migrate.checkpoint.committed IS 'When, by the server''s clock.';

CREATE TABLE IF NOT EXISTS migrate.made (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  run bigint NOT NULL REFERENCES migrate.run,
  module text NOT NULL,
  what text NOT NULL
);
COMMENT ON TABLE migrate.made IS 'Schemas and version tables that a run made for new modules, so that they go again when the run is taken back. Written in the transaction that made them.';
COMMENT ON COLUMN migrate.made.number IS 'Counts up, in the order in which they were made.';
COMMENT ON COLUMN migrate.made.run IS 'The run.';
COMMENT ON COLUMN migrate.made.module IS 'The module that they were made for.';
COMMENT ON COLUMN migrate.made.what IS 'schema NAME, or table SCHEMA.NAME.';

CREATE TABLE IF NOT EXISTS migrate.incident (
  run bigint PRIMARY KEY REFERENCES migrate.run,
  id uuid NOT NULL UNIQUE,
  category text NOT NULL,
  severity text NOT NULL,
  began timestamptz NOT NULL,
  ended timestamptz,
  document jsonb NOT NULL,
  expires timestamptz NOT NULL
);
COMMENT ON TABLE migrate.incident IS 'One report for each run that failed; without secrets and without values of rows.';
COMMENT ON COLUMN migrate.incident.run IS 'The run.';
COMMENT ON COLUMN migrate.incident.id IS 'Id of the incident, for tickets and logs.';
COMMENT ON COLUMN migrate.incident.category IS 'lock, data, permission, connection, resource, code or interruption.';
COMMENT ON COLUMN migrate.incident.severity IS 'low, medium, high or critical.';
COMMENT ON COLUMN migrate.incident.began IS 'When the failure was met, by the server''s clock.';
COMMENT ON COLUMN migrate.incident.ended IS 'When the target was settled again; null while it is not.';
COMMENT ON COLUMN migrate.incident.document IS 'The report; see the published form in docs/incident-report.md.';
COMMENT ON COLUMN migrate.incident.expires IS 'From when on `migrate gc` may delete it.';

INSERT INTO migrate.version (number) VALUES (2) ON CONFLICT DO NOTHING;
"""
