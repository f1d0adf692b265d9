"""Orders, rehearses, applies and takes back the Alembic migrations of many modules in one PostgreSQL database."""

__version__ = "0.1.0"
