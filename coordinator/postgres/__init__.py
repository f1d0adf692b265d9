"""The door to PostgreSQL: connecting, sessions, reading the catalog, fingerprints. The only owner of psycopg."""
