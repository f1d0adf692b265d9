"""Reads what a server is, for comparing it with another; nothing of it is a secret, and any role may read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coordinator.model.meaning_settings import ADOPTABLE, MEANING_SETTINGS
from coordinator.model.server_facts import InstalledExtension, ServerFacts
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from psycopg.sql import Composable

    from coordinator.postgres.session import Session

# As JSON, since each major version has other columns: the provider came with 15, its locale has two names.
_DATABASE = """
SELECT pg_catalog.pg_encoding_to_char(d.encoding), pg_catalog.to_jsonb(d) - 'datacl', d.oid
  FROM pg_catalog.pg_database d WHERE d.datname = pg_catalog.current_database()
"""
_ACTUAL_VERSION = "SELECT coalesce(pg_catalog.pg_database_collation_actual_version(%s), '')"
_VERSIONS_SINCE = 150000

# What a new session starts with, and each step: RESET ALL comes before it.
_SETTINGS = """
SELECT name, reset_val FROM pg_catalog.pg_settings
 WHERE lower(name) = ANY (SELECT lower(n) FROM pg_catalog.unnest(%s::text[]) AS n)
"""
# By whom each is overridden, the strongest first: a role in this database, a role, the database, everybody. Other
# settings of roles may be secrets of applications, and are not read.
_OVERRIDES = """
SELECT r.rolname, pg_catalog.split_part(o, '=', 1), pg_catalog.substr(o, pg_catalog.strpos(o, '=') + 1)
  FROM pg_catalog.pg_db_role_setting s
  LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole
  CROSS JOIN pg_catalog.unnest(s.setconfig) AS o
 WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()))
   AND (s.setrole = 0 OR r.rolname IN (session_user, %s))
   AND lower(pg_catalog.split_part(o, '=', 1)) = ANY (SELECT lower(n) FROM pg_catalog.unnest(%s::text[]) AS n)
 ORDER BY s.setrole = 0, s.setdatabase = 0
"""
_EXTENSIONS = """
SELECT e.extname, e.extversion, n.nspname FROM pg_catalog.pg_extension e
  JOIN pg_catalog.pg_namespace n ON n.oid = e.extnamespace ORDER BY 1
"""
_ROLES = "SELECT rolname FROM pg_catalog.pg_roles WHERE rolname !~ '^pg_' ORDER BY 1"
# The settings of plpgsql are there once it was used in the session.
_WAKE_PLPGSQL = "DO LANGUAGE plpgsql $$ BEGIN END $$"
_MAY_WAKE = "SELECT pg_catalog.has_language_privilege(l.oid, 'USAGE') FROM pg_catalog.pg_language l WHERE lanname = 'plpgsql'"


def read_server_facts(session: Session, *, role: str | None = None) -> ServerFacts:
    """What the server and the session's database are, and the settings that steps of `role` would meet there.

    `role` is the one that deploys; None: the session's own. Settings that the session cannot see are left out.
    """
    deployer = role or str(session.value("SELECT session_user"))
    return _facts(session, _settings_of(session, deployer))


def _facts(session: Session, settings: dict[str, str]) -> ServerFacts:
    if style := settings.get("DateStyle"):
        settings["DateStyle"] = (
            f"ISO, {style.rpartition(', ')[2]}"  # as every step is given it, see Target.connect
        )
    encoding, database, oid = session.rows(_DATABASE)[0]
    return ServerFacts(
        version=session.server_version,
        encoding=str(encoding),
        collation_provider=_provider(database),
        collate=str(database["datcollate"]),
        ctype=str(database["datctype"]),
        locale=str(database.get("datlocale") or database.get("daticulocale") or ""),
        collation_version=str(database.get("datcollversion") or ""),
        provider_version=_provider_version(session, oid),
        settings=settings,
        extensions=tuple(
            InstalledExtension(name=name, version=version, schema=schema)
            for name, version, schema in session.rows(_EXTENSIONS)
        ),
        roles=tuple(row[0] for row in session.rows(_ROLES)),
    )


def _provider(database: Mapping[str, Any]) -> str:
    found = str(database.get("datlocprovider") or "c")
    return {"c": "libc", "i": "icu", "b": "builtin"}.get(found, found)


def _provider_version(session: Session, oid: int) -> str:
    if session.server_version < _VERSIONS_SINCE:
        return ""
    return str(session.value(_ACTUAL_VERSION, (oid,)))


def _settings_of(session: Session, deployer: str) -> dict[str, str]:
    if session.value(_MAY_WAKE):
        session.execute(_WAKE_PLPGSQL)
    names = list(MEANING_SETTINGS)
    spelled = {name.lower(): name for name in names}
    found = {spelled[name.lower()]: str(value or "") for name, value in session.rows(_SETTINGS, (names,))}
    own = str(session.value("SELECT session_user"))
    overrides = [
        (role, spelled[name.lower()], str(value))
        for role, name, value in session.rows(_OVERRIDES, (deployer, names))
    ]
    if deployer != own:  # what the reading role has for itself is not what the deploying one meets
        for name in {name for role, name, _ in overrides if role == own}:
            found.pop(name, None)
    # The strongest last, so that it is the one that holds.
    return found | {name: value for role, name, value in reversed(overrides) if role in (None, deployer)}


def adopt_settings(session: Session, wanted: Mapping[str, str]) -> bool:
    """Let new sessions of this database of ours start with these settings; whether there was anything to change.

    What this server cannot be given, such as a locale that it does not have, stays as it is.
    """
    here = read_server_facts(session).settings
    changed = False
    database = identifier(str(session.value("SELECT pg_catalog.current_database()")))
    for name in ADOPTABLE:
        if name in wanted and name in here and here[name] != wanted[name]:
            changed = _adopt(session, database, name, wanted[name]) or changed
    return changed


def _adopt(session: Session, database: Composable, name: str, value: str) -> bool:
    try:
        session.execute(
            compose(
                "ALTER DATABASE {database} SET {name} = {value}",
                database=database,
                name=identifier(*name.split(".")),
                value=literal(value),
            )
        )
    except StatementError:
        return False
    return True
