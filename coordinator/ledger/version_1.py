"""Version 1 of the ledger's tables: runs, their steps, and the proofs of what is in."""

from __future__ import annotations

SCRIPT = """
CREATE SCHEMA IF NOT EXISTS migrate;
REVOKE ALL ON SCHEMA migrate FROM PUBLIC;
COMMENT ON SCHEMA migrate IS 'Ledger of the cross-module migration coordinator: what ran, when, and what is in. Dropping it forgets the past and changes no module.';

CREATE TABLE IF NOT EXISTS migrate.version (number integer PRIMARY KEY);
COMMENT ON TABLE migrate.version IS 'Version of the ledger''s own tables. Changes are additive; an older program only reads a newer ledger.';
COMMENT ON COLUMN migrate.version.number IS 'The highest row is the version.';

CREATE TABLE IF NOT EXISTS migrate.run (
  number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind text NOT NULL CHECK (kind IN ('apply', 'rollback', 'recover')),
  status text NOT NULL CHECK (status IN ('running', 'applied', 'reversed', 'unsettled', 'settled')),
  plan text NOT NULL,
  guarantee text NOT NULL,
  environment text NOT NULL,
  host text NOT NULL,
  pid integer NOT NULL,
  program text NOT NULL,
  rehearsal text NOT NULL,
  started timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished timestamptz,
  error text
);
COMMENT ON TABLE migrate.run IS 'One execution of a plan. Written by the ledger connection alone, outside the transactions of the steps.';
COMMENT ON COLUMN migrate.run.number IS 'Counts up; what people call the run.';
COMMENT ON COLUMN migrate.run.kind IS 'apply, rollback or recover.';
COMMENT ON COLUMN migrate.run.status IS 'running (also: cut off, when nobody holds the lock), applied, reversed (failed, all as it was), unsettled (failed, something is still in), settled.';
COMMENT ON COLUMN migrate.run.plan IS 'SHA-256 of the plan.';
COMMENT ON COLUMN migrate.run.guarantee IS 'What the plan could promise.';
COMMENT ON COLUMN migrate.run.environment IS 'Name of the environment in the settings.';
COMMENT ON COLUMN migrate.run.host IS 'Host on which it ran.';
COMMENT ON COLUMN migrate.run.pid IS 'Process on that host.';
COMMENT ON COLUMN migrate.run.program IS 'Version of the coordinator.';
COMMENT ON COLUMN migrate.run.rehearsal IS 'Where it was rehearsed, or why it was not.';
COMMENT ON COLUMN migrate.run.started IS 'Begin, by the server''s clock.';
COMMENT ON COLUMN migrate.run.finished IS 'End, by the server''s clock; null while running or cut off.';
COMMENT ON COLUMN migrate.run.error IS 'What failed, without row values.';

CREATE TABLE IF NOT EXISTS migrate.intent (
  run bigint NOT NULL REFERENCES migrate.run,
  sequence integer NOT NULL,
  token uuid NOT NULL UNIQUE,
  direction text NOT NULL CHECK (direction IN ('upgrade', 'downgrade')),
  transactional boolean NOT NULL,
  steps text[] NOT NULL,
  intended timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (run, sequence)
);
COMMENT ON TABLE migrate.intent IS 'A segment about to be run, committed before its transaction begins.';
COMMENT ON COLUMN migrate.intent.run IS 'The run.';
COMMENT ON COLUMN migrate.intent.sequence IS 'Counts the segments that the run tried, backwards ones too.';
COMMENT ON COLUMN migrate.intent.token IS 'Random; the same token in migrate.outcome proves that the segment was committed.';
COMMENT ON COLUMN migrate.intent.direction IS 'upgrade or downgrade.';
COMMENT ON COLUMN migrate.intent.transactional IS 'false: its statements commit one by one, and a cut leaves it half done.';
COMMENT ON COLUMN migrate.intent.steps IS 'Its steps as module:revision, in order.';
COMMENT ON COLUMN migrate.intent.intended IS 'When, by the server''s clock.';

CREATE TABLE IF NOT EXISTS migrate.outcome (
  token uuid PRIMARY KEY,
  run bigint NOT NULL REFERENCES migrate.run,
  committed timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE migrate.outcome IS 'A segment that is in: written inside the segment''s own transaction, so it is there exactly when the segment is.';
COMMENT ON COLUMN migrate.outcome.token IS 'The token of migrate.intent.';
COMMENT ON COLUMN migrate.outcome.run IS 'The run.';
COMMENT ON COLUMN migrate.outcome.committed IS 'When, by the server''s clock.';

CREATE TABLE IF NOT EXISTS migrate.step (
  run bigint NOT NULL REFERENCES migrate.run,
  sequence integer NOT NULL,
  module text NOT NULL,
  revision text NOT NULL,
  direction text NOT NULL CHECK (direction IN ('upgrade', 'downgrade')),
  status text NOT NULL CHECK (status IN ('applied', 'reversed', 'rolled back', 'failed')),
  seconds double precision NOT NULL,
  finished timestamptz NOT NULL DEFAULT clock_timestamp(),
  error text,
  PRIMARY KEY (run, sequence)
);
COMMENT ON TABLE migrate.step IS 'What became of each step, in the order in which it happened. Committed together with the step''s change, or written after its transaction was rolled back.';
COMMENT ON COLUMN migrate.step.run IS 'The run.';
COMMENT ON COLUMN migrate.step.sequence IS 'Counts the rows of one run.';
COMMENT ON COLUMN migrate.step.module IS 'Module of the revision.';
COMMENT ON COLUMN migrate.step.revision IS 'Revision id in its module''s tree.';
COMMENT ON COLUMN migrate.step.direction IS 'upgrade or downgrade.';
COMMENT ON COLUMN migrate.step.status IS 'applied, reversed (taken back by its opposite), rolled back (with its transaction), failed.';
COMMENT ON COLUMN migrate.step.seconds IS 'How long it took.';
COMMENT ON COLUMN migrate.step.finished IS 'When, by the server''s clock.';
COMMENT ON COLUMN migrate.step.error IS 'What failed, without row values.';

CREATE TABLE IF NOT EXISTS migrate.applied (
  module text NOT NULL,
  revision text NOT NULL,
  run bigint NOT NULL REFERENCES migrate.run,
  digest text NOT NULL,
  source text NOT NULL,
  parents text[] NOT NULL,
  file text NOT NULL,
  changes jsonb NOT NULL,
  grade text NOT NULL,
  applied timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (module, revision)
);
COMMENT ON TABLE migrate.applied IS 'The revisions that are in. Written and deleted with the change itself, by the step''s own transaction.';
COMMENT ON COLUMN migrate.applied.module IS 'Module of the revision.';
COMMENT ON COLUMN migrate.applied.revision IS 'Revision id in its module''s tree.';
COMMENT ON COLUMN migrate.applied.run IS 'The run that applied it.';
COMMENT ON COLUMN migrate.applied.digest IS 'SHA-256 of its syntax tree without comments, docstrings and layout.';
COMMENT ON COLUMN migrate.applied.source IS 'Its text, so that it can be known and reversed when the file is gone.';
COMMENT ON COLUMN migrate.applied.parents IS 'Revision ids of its tree that it stands on.';
COMMENT ON COLUMN migrate.applied.file IS 'Name of its file.';
COMMENT ON COLUMN migrate.applied.changes IS 'What it changed, as DatabaseChange objects.';
COMMENT ON COLUMN migrate.applied.grade IS 'What its rehearsal said about taking it back; empty when it was not rehearsed.';
COMMENT ON COLUMN migrate.applied.applied IS 'When, by the server''s clock.';

CREATE TABLE IF NOT EXISTS migrate.fence (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  owner bigint NOT NULL
);
COMMENT ON TABLE migrate.fence IS 'One row. Each transaction of a run locks it and commits only while the run still owns it.';
COMMENT ON COLUMN migrate.fence.one IS 'Keeps the table at one row.';
COMMENT ON COLUMN migrate.fence.owner IS 'The run that may write.';

INSERT INTO migrate.version (number) VALUES (1) ON CONFLICT DO NOTHING;
"""
