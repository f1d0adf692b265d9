"""Version 3 of the ledger's tables: how far a function was that commits in its middle, and what was taken away of it."""

from __future__ import annotations

SCRIPT = """
ALTER TABLE migrate.checkpoint ADD COLUMN IF NOT EXISTS sent integer;
ALTER TABLE migrate.checkpoint ADD COLUMN IF NOT EXISTS texts text;
ALTER TABLE migrate.checkpoint ADD COLUMN IF NOT EXISTS undone boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN migrate.checkpoint.sent IS 'How many statements of the function are in with this commit, in their order; null: not known.';
COMMENT ON COLUMN migrate.checkpoint.texts IS 'Digest of these statements, so that the function can be gone on with only where it sends the same ones.';
COMMENT ON COLUMN migrate.checkpoint.undone IS 'true: with this commit nothing is left of the segment; what it had done was taken away.';
INSERT INTO migrate.version (number) VALUES (3) ON CONFLICT DO NOTHING;
"""
