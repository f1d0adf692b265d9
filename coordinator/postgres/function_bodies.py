"""Functions whose bodies are text: how they read, who fires them, and what the server itself says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from coordinator.postgres.failure import StatementError
from coordinator.postgres.reading import read_undisturbed, undone
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from psycopg.sql import Composable, Composed

    from coordinator.postgres.session import Row, Session


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionBody:
    """One function in `sql` or `plpgsql` whose body PostgreSQL keeps as text.

    `definition` is its CREATE OR REPLACE; `search_path` what it sets for itself, () when nothing.
    `fired_by` are the relations (schema, name) of the triggers that call it.
    """

    oid: int
    schema: str
    name: str
    arguments: str
    language: str
    definition: str
    search_path: tuple[str, ...] = ()
    fired_by: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}({self.arguments})"


def function_bodies(session: Session, schemas: Collection[str]) -> tuple[FunctionBody, ...]:
    """The functions of these schemas whose bodies name things that PostgreSQL does not follow, sorted."""
    rows = read_undisturbed(
        session,
        compose(
            """SELECT p.oid, n.nspname, p.proname, oidvectortypes(p.proargtypes), l.lanname, pg_get_functiondef(p.oid),
                      (SELECT split_part(o, '=', 2) FROM unnest(p.proconfig) AS o WHERE o LIKE 'search_path=%'),
                      (SELECT array_agg(DISTINCT ARRAY[m.nspname::text, r.relname::text])
                         FROM pg_trigger AS t JOIN pg_class AS r ON r.oid = t.tgrelid
                         JOIN pg_namespace AS m ON m.oid = r.relnamespace
                        WHERE t.tgfoid = p.oid AND NOT t.tgisinternal)
                 FROM pg_proc AS p
                 JOIN pg_namespace AS n ON n.oid = p.pronamespace
                 JOIN pg_language AS l ON l.oid = p.prolang
                WHERE n.nspname = ANY ({schemas}::text[]) AND l.lanname IN ('sql', 'plpgsql')
                  AND p.prosqlbody IS NULL AND p.prokind IN ('f', 'p')
                  AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_proc'::regclass
                                     AND d.objid = p.oid AND d.deptype = 'e')
                ORDER BY n.nspname, p.proname, 4""",
            schemas=literal(sorted(schemas)),
        ),
    )
    return tuple(
        FunctionBody(
            oid=oid,
            schema=schema,
            name=name,
            arguments=arguments,
            language=language,
            definition=definition,
            search_path=_words(path),
            fired_by=tuple((each[0], each[1]) for each in fired_by or ()),
        )
        for oid, schema, name, arguments, language, definition, path, fired_by in rows
    )


def complaint(session: Session, function: FunctionBody, search_path: Sequence[str]) -> StatementError | None:
    """What PostgreSQL says when it reads the function anew, or None when it can.

    It reads `sql` bodies by itself, and `plpgsql` bodies when the extension plpgsql_check is installed; without
    that the answer is None. The open transaction stays as it is.
    """
    if function.language == "plpgsql":
        return _plpgsql_complaint(session, function, search_path)
    try:
        _call(session, "SELECT pg_catalog.fmgr_sql_validator({oid})", function.oid, search_path)
    except StatementError as error:
        return error
    return None


def _plpgsql_complaint(
    session: Session, function: FunctionBody, search_path: Sequence[str]
) -> StatementError | None:
    home = session.value(
        "SELECT n.nspname FROM pg_catalog.pg_extension AS e JOIN pg_catalog.pg_namespace AS n ON n.oid = e.extnamespace"
        " WHERE e.extname = 'plpgsql_check'"
    )
    if home is None:
        return None
    query = "SELECT sqlstate, message FROM {check}({oid}, {relation}::regclass) WHERE level = 'error'"
    relations = function.fired_by or (None,)
    for relation in relations:
        shown = "0" if relation is None else identifier(*relation).as_string()
        check = identifier(home, "plpgsql_check_function_tb")
        asked = compose(query, check=check, oid=literal(function.oid), relation=literal(shown))
        for sqlstate, message in _plpgsql_answer(session, asked, search_path):
            return StatementError(message, sqlstate=sqlstate)
    return None


def _plpgsql_answer(session: Session, query: Composed, search_path: Sequence[str]) -> tuple[Row, ...]:
    try:
        with undone(session):
            session.execute(compose("SET LOCAL search_path = {path}", path=_path(search_path)))
            return session.rows(query)
    except StatementError:
        # It raises for what it cannot look at, such as polymorphic arguments: that says nothing of the body.
        return ()


def _call(session: Session, query: str, oid: int, search_path: Sequence[str]) -> None:
    with undone(session):
        session.execute(compose("SET LOCAL search_path = {path}", path=_path(search_path)))
        # The validator looks into bodies only when this is on; restoring a dump turns it off.
        session.execute("SET LOCAL check_function_bodies = on")
        session.execute(compose(query, oid=literal(oid)))


def _path(search_path: Sequence[str]) -> Composable:
    return comma_separated(*(identifier(schema) for schema in search_path))


def _words(path: str | None) -> tuple[str, ...]:
    return tuple(word.strip().strip('"') for word in path.split(",") if word.strip()) if path else ()
