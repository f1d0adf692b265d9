"""Making one database start where another one is: roles, extensions, schemas, version rows; never the rows of users."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from coordinator.postgres.session import Session

_TRIES = 20
# The role was made a moment ago, or its row is being written: "tuple concurrently updated" has no code of its own.
_CHANGED_MEANWHILE = frozenset({"42710", "23505", "XX000"})

_ROLES = """
SELECT DISTINCT r.rolname FROM pg_namespace n
CROSS JOIN LATERAL (
  SELECT n.nspowner AS role
  UNION SELECT (aclexplode(n.nspacl)).grantee
  UNION SELECT c.relowner FROM pg_class c WHERE c.relnamespace = n.oid
  UNION SELECT (aclexplode(c.relacl)).grantee FROM pg_class c WHERE c.relnamespace = n.oid
  UNION SELECT (aclexplode(a.attacl)).grantee FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = n.oid
  UNION SELECT p.proowner FROM pg_proc p WHERE p.pronamespace = n.oid
  UNION SELECT (aclexplode(p.proacl)).grantee FROM pg_proc p WHERE p.pronamespace = n.oid
  UNION SELECT t.typowner FROM pg_type t WHERE t.typnamespace = n.oid
  UNION SELECT unnest(p.polroles) FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid WHERE c.relnamespace = n.oid
  UNION SELECT d.defaclrole FROM pg_default_acl d WHERE d.defaclnamespace = n.oid
) AS used
JOIN pg_roles r ON r.oid = used.role
WHERE n.nspname = ANY(%s) AND r.rolname NOT LIKE 'pg\\_%%'
ORDER BY 1
"""


def roles_of(session: Session, schemas: Collection[str]) -> tuple[str, ...]:
    """Roles that own, or are granted, something in these schemas."""
    return tuple(row[0] for row in session.rows(_ROLES, (list(schemas),)))


def make_roles(session: Session, names: Collection[str]) -> None:
    """Make the missing ones of these roles, without a login; for servers of our own only."""
    for name in names:
        _until_settled(partial(_make_role, session, name))


def _make_role(session: Session, name: str) -> None:
    if not session.value("SELECT 1 FROM pg_roles WHERE rolname = %s", (name,)):
        session.execute(compose("CREATE ROLE {name} NOLOGIN", name=identifier(name)))


def act_as(session: Session, name: str) -> None:
    """Let all that follows belong to this role, as on the target, and forbid it nothing; for servers of our own only.

    What the role may not do is the target's to say: rights on a copy would be another copy's.
    """
    _until_settled(partial(_make_superuser, session, name))
    session.execute(compose("SET SESSION AUTHORIZATION {name}", name=identifier(name)))


def _make_superuser(session: Session, name: str) -> None:
    if not session.value("SELECT rolsuper FROM pg_roles WHERE rolname = %s", (name,)):
        session.execute(compose("ALTER ROLE {name} SUPERUSER", name=identifier(name)))


def _until_settled(change: Callable[[], None]) -> None:
    """Change a role that another rehearsal on the same server may be changing too; it looks first, so it may run again."""
    for _ in range(_TRIES):
        try:
            return change()
        except StatementError as error:
            if error.sqlstate not in _CHANGED_MEANWHILE:
                raise
    return change()


def extensions_of(session: Session) -> tuple[tuple[str, str], ...]:
    """Name and schema of each installed extension, except plpgsql, which is always there."""
    return tuple(
        (row[0], row[1])
        for row in session.rows(
            "SELECT e.extname, n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace"
            " WHERE e.extname <> 'plpgsql' ORDER BY e.oid"
        )
    )


def make_extensions(session: Session, extensions: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """Install these extensions; the names of those that this server does not have."""
    missing: list[str] = []
    for name, schema in extensions:
        session.execute(compose("CREATE SCHEMA IF NOT EXISTS {schema}", schema=identifier(schema)))
        try:
            session.execute(
                compose(
                    "CREATE EXTENSION IF NOT EXISTS {name} SCHEMA {schema}",
                    name=identifier(name),
                    schema=identifier(schema),
                )
            )
        except StatementError:
            missing.append(name)
    return tuple(missing)


def restore(session: Session, dump: str) -> None:
    """Run a plain SQL dump in one transaction, and forget the settings that it makes.

    It may make schemas that are there: `public`, and those of extensions.
    """
    for (name,) in session.rows("SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname !~ '^pg_'"):
        dump = dump.replace(f"\nCREATE SCHEMA {name};\n", "\n", 1)
    with session.transaction():
        session.execute(dump)
    session.execute("RESET ALL")


def clear(session: Session) -> None:
    """Make a database of ours empty again; what lies in no schema is left, but for extensions."""
    for (name,) in session.rows(
        "SELECT extname FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY oid DESC"
    ):
        session.execute(compose("DROP EXTENSION IF EXISTS {name} CASCADE", name=identifier(name)))
    for (name,) in session.rows(
        "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'"
    ):
        session.execute(compose("DROP SCHEMA {name} CASCADE", name=identifier(name)))
    session.execute("CREATE SCHEMA public")


def filled_views(session: Session) -> frozenset[tuple[str, str]]:
    """Schema and name of each materialized view that is filled."""
    rows = session.rows("SELECT schemaname, matviewname FROM pg_matviews WHERE ispopulated")
    return frozenset((schema, name) for schema, name in rows)


def fill_views(copy: Session, filled: Collection[tuple[str, str]]) -> tuple[str, ...]:
    """Fill those of the copy's materialized views that are `filled` in the source; the names of those that cannot be.

    A dump of definitions leaves them all unfilled, which a view that is made anew is not: a step back would seem to
    leave something else than it found.
    """
    left: list[str] = []
    for schema, name in copy.rows(
        "SELECT n.nspname, c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'm' AND NOT c.relispopulated ORDER BY c.oid"
    ):
        if (schema, name) in filled:
            try:
                copy.execute(compose("REFRESH MATERIALIZED VIEW {view}", view=identifier(schema, name)))
            except StatementError:  # its query wants rows, or a setting of the target
                left.append(f"{schema}.{name}")
    return tuple(left)


def copy_rows(source: Session, copy: Session, table: tuple[str, str]) -> None:
    """Copy the rows of a version table; `copy` has the same, empty table."""
    rows = source.rows(compose("SELECT version_num FROM {table}", table=identifier(*table)))
    write_rows(copy, table, [row[0] for row in rows])


def write_rows(copy: Session, table: tuple[str, str], heads: Collection[str]) -> None:
    """Put these rows into an empty version table."""
    if heads:
        values = comma_separated(*(compose("({value})", value=literal(each)) for each in heads))
        copy.execute(
            compose(
                "INSERT INTO {table} (version_num) VALUES {values}", table=identifier(*table), values=values
            )
        )
