"""In the worker: SQLAlchemy's PostgreSQL dialect on top of the pipe; works with SQLAlchemy 1.4 and 2."""

from __future__ import annotations

from typing import Any, Tuple

import sqlalchemy
from sqlalchemy import types as sqltypes
from sqlalchemy.dialects import registry
from sqlalchemy.dialects.postgresql import JSON, JSONB, UUID
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.pool import StaticPool

from coordinator.worker import dbapi as pipe


class _PlainResult:
    """Rows come as Python values already: nothing is left to convert."""

    def result_processor(self, dialect: Any, coltype: Any) -> None:
        return None


class _Json(_PlainResult, sqltypes.JSON):
    pass


class _PgJson(_PlainResult, JSON):
    pass


class _PgJsonb(_PlainResult, JSONB):
    pass


class _PgUuid(UUID):
    def bind_processor(self, dialect: Any) -> Any:
        return lambda value: None if value is None else str(value)

    def result_processor(self, dialect: Any, coltype: Any) -> Any:
        if self.as_uuid:
            return None
        return lambda value: None if value is None else str(value)


class PipeDialect(PGDialect):
    """PostgreSQL without a driver: what the server is, the coordinator says."""

    driver = "coordinator"
    default_paramstyle = "pyformat"
    supports_statement_cache = True
    supports_native_decimal = True
    supports_sane_multi_rowcount = True
    colspecs = {
        **PGDialect.colspecs,
        sqltypes.JSON: _Json,
        JSON: _PgJson,
        JSONB: _PgJsonb,
        UUID: _PgUuid,
    }

    @classmethod
    def import_dbapi(cls) -> Any:
        return pipe

    dbapi = import_dbapi  # the name that SQLAlchemy 1.4 looks for

    def initialize(self, connection: Any) -> None:
        """Ask the server nothing: `describe` has said it all."""

    def do_execute(self, cursor: Any, statement: str, parameters: Any, context: Any = None) -> None:
        """Send one statement. In an author's own text (`exec_driver_sql`) without parameters `%` may mean itself.

        Drivers disagree there: psycopg2 takes every `%` as it stands, psycopg wants `%%`. So `%%` means `%`, unless
        the text also has a single one, which only the first of them would take.
        """
        raw = context is not None and context.compiled is None
        if raw and not parameters and "%" in statement.replace("%%", ""):
            parameters = None
        cursor.execute(statement, parameters)

    def describe(self, server_version: int, schema: str) -> None:
        """Take server_version_num and the schema that unqualified names mean."""
        self.server_version_info: Tuple[int, ...] = (server_version // 10000, server_version % 10000)
        self.default_schema_name = schema
        self._backslash_escapes = False

    def get_isolation_level(self, dbapi_connection: Any) -> str:
        return "READ COMMITTED"

    def get_default_isolation_level(self, dbapi_conn: Any) -> str:
        return "READ COMMITTED"

    def get_isolation_level_values(self, dbapi_connection: Any) -> Any:
        return ("AUTOCOMMIT", "READ COMMITTED", "READ UNCOMMITTED", "REPEATABLE READ", "SERIALIZABLE")

    def set_isolation_level(self, dbapi_connection: Any, level: str) -> None:
        if level.replace("_", " ") != "READ COMMITTED":
            dbapi_connection.link.ask({"op": "end", "how": "isolation_level={}".format(level)})

    def reset_isolation_level(self, dbapi_connection: Any) -> None:
        """It was never changed."""


registry.register("postgresql.coordinator", __name__, "PipeDialect")


def make_engine(connection: pipe.Connection) -> Any:
    """An engine whose every connection is the one pipe."""
    return sqlalchemy.create_engine(
        "postgresql+coordinator://",
        poolclass=StaticPool,
        creator=lambda: connection,
        hide_parameters=True,  # an exception's text goes into logs and the ledger, and values of rows must not
        pool_reset_on_return=None,  # a return to the pool must not ask for a rollback
    )
