"""The snapshot file: what a database is, without a row of it."""
