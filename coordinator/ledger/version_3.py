"""Version 3 of the ledger's tables: how far a function was that commits in its middle, what was taken away of it,
where kept data came from, which columns are personal and which of those are kept, and what a run was going to do."""

from __future__ import annotations

SCRIPT = """
ALTER TABLE migrate.checkpoint ADD COLUMN IF NOT EXISTS sent integer;
ALTER TABLE migrate.checkpoint ADD COLUMN IF NOT EXISTS texts text;
ALTER TABLE migrate.checkpoint ADD COLUMN IF NOT EXISTS counts bigint[] NOT NULL DEFAULT '{}';
ALTER TABLE migrate.checkpoint ADD COLUMN IF NOT EXISTS undone boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN migrate.checkpoint.sent IS 'How many statements of the function are in with this commit, in their order; null: not known.';
COMMENT ON COLUMN migrate.checkpoint.texts IS 'Digest of these statements, so that the function can be gone on with only where it sends the same ones.';
COMMENT ON COLUMN migrate.checkpoint.counts IS 'How many rows each of the statements changed that are in since the row before: the function is told so again.';
COMMENT ON COLUMN migrate.checkpoint.undone IS 'true: with this commit nothing is left of the segment; what it had done was taken away.';

CREATE TABLE IF NOT EXISTS migrate.personal (
  table_schema text NOT NULL,
  table_name text NOT NULL,
  column_name text NOT NULL,
  PRIMARY KEY (table_schema, table_name, column_name)
);
COMMENT ON TABLE migrate.personal IS 'Columns that a map has marked as personal data, for the run that drops them: its map has them no more. Brought up to date when an apply run begins.';
COMMENT ON COLUMN migrate.personal.table_schema IS 'Schema of the column''s table.';
COMMENT ON COLUMN migrate.personal.table_name IS 'The table, without case, accents, spaces, _ and -, as names in maps are compared.';
COMMENT ON COLUMN migrate.personal.column_name IS 'The column, likewise.';

ALTER TABLE migrate.kept ADD COLUMN IF NOT EXISTS digest text NOT NULL DEFAULT '';
ALTER TABLE migrate.kept ADD COLUMN IF NOT EXISTS origins jsonb;
ALTER TABLE migrate.kept ADD COLUMN IF NOT EXISTS personal text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN migrate.kept.digest IS 'Digest of the revision''s content that ran; of what a downgrade destroyed, the content that had brought it in. Empty: not noted.';
COMMENT ON COLUMN migrate.kept.origins IS 'Other tables that the opposite function fills this one from: schema, name, and count and checksum of rows (null: not there; ?: not measured). Null: not known.';
COMMENT ON COLUMN migrate.kept.personal IS 'Columns of the copy that the map says are personal, copied since --keep-personal asked for them.';

ALTER TABLE migrate.run ADD COLUMN IF NOT EXISTS planned text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN migrate.run.planned IS 'The steps of its plan in order, as module:revision, so that a run that was cut off can be gone on with only by one that does the rest; empty: not noted.';
INSERT INTO migrate.version (number) VALUES (3) ON CONFLICT DO NOTHING;
"""
