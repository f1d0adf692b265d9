"""Version 4 of the ledger's tables: what a run was going to do, where kept data came from, which columns are
personal and which of those are kept, and how many rows each statement of a cut off function had changed.

A ledger of version 3 may have some of it already.
"""

from __future__ import annotations

SCRIPT = """
ALTER TABLE migrate.checkpoint ADD COLUMN IF NOT EXISTS counts bigint[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN migrate.checkpoint.counts IS 'How many rows each of the statements changed that are in since the row before: the function is told so again.';

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
INSERT INTO migrate.version (number) VALUES (4) ON CONFLICT DO NOTHING;
"""
