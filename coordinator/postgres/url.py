"""Text of a database's address -> DatabaseUrl, in every form that people have in their environments."""

from __future__ import annotations

import difflib
import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, quote, unquote

from coordinator.errors import SettingsError
from coordinator.model.target import DatabaseUrl

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

WANTED = "postgresql://user:password@host:5432/database"
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.:-]*)://(.*)", re.DOTALL)
_ACCEPTED_SCHEME = re.compile(r"postgres(ql)?(\+[a-z0-9_]+)?", re.IGNORECASE)
# Parameters of other clients, that mean nothing to a server: an application's URL may carry them.
_FOREIGN_PARAMETERS = frozenset(
    {
        "async_fallback",
        "charset",
        "connection_limit",
        "max_overflow",
        "pgbouncer",
        "pool_size",
        "pool_timeout",
        "prepared_statement_cache_size",
        "schema",
        "server_version",
        "statement_cache_size",
    }
)
_SSL_WORDS = {"true": "require", "1": "require", "false": "disable", "0": "disable"}
_SHOWN_PARAMETERS = ("sslmode", "target_session_attrs")
_SERVICE_VARIABLES = {
    "PGHOST": "host",
    "PGHOSTADDR": "hostaddr",
    "PGPORT": "port",
    "PGUSER": "user",
    "PGPASSWORD": "password",
    "PGDATABASE": "dbname",
    "PGSERVICE": "service",
}


def parse_url(text: str) -> DatabaseUrl:
    """Read a URL (`postgres://`, `postgresql://`, SQLAlchemy's forms) or libpq's `key=value` words.

    Raises SettingsError, that never quotes the text itself: a part of it may be the password.
    """
    text = text.strip()
    if not text:
        raise SettingsError("The database URL is empty.", help=f"Write it like {WANTED}.")
    scheme = _SCHEME.fullmatch(text)
    if scheme:
        parameters = _from_url(scheme.group(1), scheme.group(2))
    elif "=" in text:
        parameters = _from_words(text)
    else:
        raise SettingsError(
            "The database URL has neither a scheme nor 'key=value' words.",
            help=f"Write it like {WANTED}, or host=… dbname=…, or service=NAME.",
        )
    return DatabaseUrl(parameters=parameters, shown=show(parameters))


def url_from_environment(environment: Mapping[str, str]) -> DatabaseUrl | None:
    """What libpq's own variables (`PGHOST`, `PGSERVICE` and so on) name; None when they name no database."""
    parameters = {key: environment[name] for name, key in _SERVICE_VARIABLES.items() if environment.get(name)}
    if not parameters.keys() & {"host", "hostaddr", "service", "dbname"}:
        return None
    return DatabaseUrl(parameters=parameters, shown=show(parameters))


def with_database(url: DatabaseUrl, name: str) -> DatabaseUrl:
    """The same server and login, another database."""
    parameters = {**url.parameters, "dbname": name}
    return replace(url, parameters=parameters, shown=show(parameters))


def as_words(parameters: Mapping[str, str]) -> str:
    """The parameters as libpq's `key=value` words, quoted; a password among them is written out."""
    from psycopg.conninfo import make_conninfo

    return make_conninfo(**parameters)


def as_url(parameters: Mapping[str, str]) -> str:
    """The parameters as a URL that libpq, SQLAlchemy and other clients read; a password among them is written out."""
    user, password = (
        quote(parameters.get("user", ""), safe=""),
        quote(parameters.get("password", ""), safe=""),
    )
    login = f"{user}:{password}@" if password else f"{user}@" if user else ""
    host, port = parameters.get("host", ""), parameters.get("port", "")
    database = quote(parameters.get("dbname", ""), safe="")
    more = {"sslmode": parameters.get("sslmode", "")}
    if (
        "/" in host or "," in host
    ):  # a socket's directory, or several hosts: not every client takes them before the path
        more, place = {"host": host, "port": port, **more}, ""
    else:
        place = (f"[{host}]" if ":" in host else host) + (f":{port}" if port else "")
    query = "&".join(f"{key}={quote(value, safe='/')}" for key, value in more.items() if value)
    return f"postgresql://{login}{place}/{database}{f'?{query}' if query else ''}"


def show(parameters: Mapping[str, str]) -> str:
    """The parameters as a URL for people: only what is named here is shown, so no secret can slip in."""
    if "service" in parameters and "host" not in parameters:
        database = f" dbname={parameters['dbname']}" if parameters.get("dbname") else ""
        return f"service={parameters['service']}{database}"
    user = f"{quote(parameters['user'], safe='')}@" if parameters.get("user") else ""
    options = [f"{key}={parameters[key]}" for key in _SHOWN_PARAMETERS if parameters.get(key, "any") != "any"]
    database = quote(parameters.get("dbname", ""), safe="")
    query = f"?{'&'.join(options)}" if options else ""
    return f"postgresql://{user}{_show_hosts(parameters)}/{database}{query}"


def _show_hosts(parameters: Mapping[str, str]) -> str:
    hosts = (parameters.get("host") or parameters.get("hostaddr", "")).split(",")
    ports = parameters.get("port", "").split(",")
    if len(ports) == 1:
        ports = ports * len(hosts)
    return ",".join(
        f"{f'[{host}]' if ':' in host else quote(host, safe='/')}{f':{port}' if port else ''}"
        for host, port in zip(hosts, ports, strict=False)
    )


def _from_url(scheme: str, rest: str) -> dict[str, str]:
    if not _ACCEPTED_SCHEME.fullmatch(scheme):
        raise SettingsError(
            f"The database URL begins with '{scheme}://', which is not PostgreSQL's.",
            help=f"Only PostgreSQL is supported; write the URL like {WANTED}.",
        )
    location, _, query = rest.partition("?")
    authority, _, database = location.partition("/")
    _refuse_raw_password(authority, database, query)
    login, at, hosts = authority.rpartition("@")
    user, colon, password = login.partition(":")
    parameters = _from_hosts(hosts.split(",") if hosts else [])
    if at and user:
        parameters["user"] = unquote(user)
    if colon:
        parameters["password"] = unquote(password)
    if database:
        parameters["dbname"] = unquote(database)
    parameters |= _from_query(query)
    return parameters


def _refuse_raw_password(authority: str, database: str, query: str) -> None:
    """A raw '@', '/', '?' or '#' in a password would cut it, and its rest would be taken for a host."""
    login_cut = (
        "@" not in authority
        and "@" in database + query
        and not re.fullmatch(r"(\[[^\]]*\]|[^:\[\]]*)(:\d*)?", authority.split(",")[0])
    )
    if authority.count("@") > 1 or "@" in database or "#" in authority + database + query or login_cut:
        raise SettingsError(
            "The user or the password in the database URL has a character that must be percent-encoded.",
            help="Write @ as %40, / as %2F, ? as %3F, # as %23 and : as %3A.",
        )


def _from_hosts(hosts: Iterable[str]) -> dict[str, str]:
    """`host:port` words, several, IPv6 in brackets -> libpq's two comma separated lists."""
    names, ports = [], []
    for host in hosts:
        match = re.fullmatch(r"(\[[^\]]*\]|[^:]*)(?::(\d*))?", host)
        if match is None:
            raise SettingsError(
                "A host in the database URL is not of the form 'host:port'.",
                help="A port is a number; an IPv6 address stands in brackets, like [::1]:5432.",
            )
        names.append(unquote(match.group(1).strip("[]")))
        ports.append(match.group(2) or "")
    parameters = {}
    if any(names):
        parameters["host"] = ",".join(names)
    if any(ports):
        parameters["port"] = ",".join(ports) if len(set(ports)) > 1 else ports[0]
    return parameters


def _from_query(query: str) -> dict[str, str]:
    """The part behind '?', with SQLAlchemy's repeated `host=` and asyncpg's `ssl=` in libpq's words."""
    # libpq decodes percent signs only; a '+' there is a plus sign, not a space.
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    parameters: dict[str, str] = {}
    hosts = [value for key, value in pairs if key == "host"]
    if any("," not in host and ":" in host and not host.startswith("/") for host in hosts) or len(hosts) > 1:
        parameters |= _from_hosts(hosts)
    for key, value in pairs:
        if key == "ssl":
            parameters["sslmode"] = _SSL_WORDS.get(value.lower(), value)
        elif key not in _FOREIGN_PARAMETERS and not (key == "host" and "host" in parameters):
            parameters[_known(key)] = value
    return parameters


def _from_words(text: str) -> dict[str, str]:
    from psycopg import ProgrammingError
    from psycopg.conninfo import conninfo_to_dict

    for key in re.findall(r"(?:^|\s)([a-z_]+)\s*=", re.sub(r"'(?:\\.|[^'\\])*'", "''", text)):
        _known(key)
    try:
        return {key: str(value) for key, value in conninfo_to_dict(text).items() if value is not None}
    except ProgrammingError:
        # `from None`: libpq's message quotes the words around the mistake, and these may be the password.
        raise SettingsError(
            "The database's 'key=value' words cannot be read.",
            help="Write them like host=db.example.com dbname=erp user=migrate password='…'.",
        ) from None


def _known(key: str) -> str:
    """`key` if libpq knows it; SettingsError with the nearest name otherwise."""
    from psycopg import pq

    names = [option.keyword.decode() for option in pq.Conninfo.get_defaults()]
    if key in names:
        return key
    if not re.fullmatch(r"[A-Za-z_.]{1,40}", key):  # it may be the rest of a password that a '?' has cut
        key = "…"
    near = difflib.get_close_matches(key, names, n=1)
    raise SettingsError(
        f"The database URL has a parameter '{key}' that PostgreSQL's client does not know.",
        help=f"Did you mean '{near[0]}'?" if near else "Remove it, or write one of libpq's parameter names.",
    )
