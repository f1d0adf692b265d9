"""Runs the revisions of crm with plain Alembic, online and offline (`--sql`)."""

from __future__ import annotations

import os
from logging.config import fileConfig
from typing import Any

from alembic import context
from sqlalchemy import MetaData, create_engine, make_url, pool
from sqlalchemy.schema import CreateSchema

SCHEMA = "crm"

# Constraints are created without a name and dropped by the name that these patterns give them.
target_metadata = MetaData(
    schema=SCHEMA,
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    },
)

OPTIONS: dict[str, Any] = {
    "target_metadata": target_metadata,
    "version_table_schema": SCHEMA,
    "transaction_per_migration": True,
}


def run_offline() -> None:
    """Write the SQL to standard output; it is for a database that has the schema already."""
    context.configure(dialect_name="postgresql", literal_binds=True, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def run_online() -> None:
    """Apply to the database of `sqlalchemy.url`, or else of `DATABASE_URL`."""
    url = make_url(context.config.get_main_option("sqlalchemy.url") or os.environ["DATABASE_URL"])
    engine = create_engine(url.set(drivername="postgresql+psycopg"), poolclass=pool.NullPool)
    with engine.connect() as connection:
        # The version table lives in the module's schema, so this comes before the first revision.
        connection.execute(CreateSchema(SCHEMA, if_not_exists=True))
        connection.commit()
        context.configure(connection=connection, **OPTIONS)
        with context.begin_transaction():
            context.run_migrations()


if context.config.config_file_name is not None:
    fileConfig(context.config.config_file_name, disable_existing_loggers=False)
if context.is_offline_mode():
    run_offline()
else:
    run_online()
