"""Asks a target for rows that would break what a plan demands: read-only, in a short time, without waiting for anybody.

What goes out is numbers. Nothing of a row comes back, and what the server says of a value is not passed on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from psycopg import sql

from coordinator.model.question import (
    AnyRow,
    Breaking,
    Duplicates,
    FailsCast,
    Meeting,
    NoInput,
    NoLabel,
    NullIn,
    Orphans,
    OutOfRange,
    Overflows,
    Overlapping,
    Referenced,
    Term,
    TooLong,
    Unfit,
)
from coordinator.postgres.failure import StatementError
from coordinator.postgres.session import comma_separated, compose, identifier, literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg.sql import Composable, Composed

    from coordinator.model.question import Question, RowsThen, Test
    from coordinator.postgres.session import Session

LIMIT = 1000  # rows that are counted; more are "at least"
_LOCK_WAIT = "100ms"  # the question stands back for whoever holds the table
_INPUT_CAN_BE_ASKED = 160000  # pg_input_is_valid() is there from this version on
_OF_DATA = ("22", "23")  # classes of SQLSTATE that say that a value is wrong
_PARENT, _CHILD = "migrate_parent", "migrate_child"

# What a table and all that inherits from it hold, by statistics; a table without any by the size of its file.
_ROWS = """
WITH RECURSIVE tree AS (
    SELECT c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
     WHERE (n.nspname, c.relname) IN (SELECT * FROM unnest(%(schemas)s::text[], %(tables)s::text[]))
    UNION
    SELECT i.inhrelid FROM pg_inherits AS i JOIN tree ON tree.oid = i.inhparent
)
SELECT coalesce(sum(CASE
           WHEN c.relkind NOT IN ('r', 'm') THEN 0
           WHEN greatest(c.reltuples, pg_stat_get_live_tuples(c.oid)) > 0
               THEN greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid))
           ELSE pg_relation_size(c.oid) / 40 END), 0)::bigint
  FROM tree JOIN pg_class AS c USING (oid)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many rows break a demand: None when the server only said that there are some."""

    count: int | None

    @property
    def capped(self) -> bool:
        """Whether there may be more."""
        return self.count is None or self.count >= LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How to ask: where unqualified names are looked for, as whom (empty: as ourselves), and how long at most."""

    search_path: tuple[str, ...]
    role: str
    seconds: float


def rows_to_read(session: Session, tables: Sequence[tuple[str, str]], manner: Manner) -> int:
    """About how many rows it takes to answer. Raises StatementError, also when somebody holds a table."""
    parameters: dict[str, object] = {
        "schemas": [schema for schema, _ in tables],
        "tables": [name for _, name in tables],
    }
    with session.transaction(read_only=True):
        _set(session, Manner(search_path=("pg_catalog",), role="", seconds=manner.seconds))
        return int(session.value(_ROWS, parameters))


def volatile_functions(session: Session, names: Sequence[tuple[str, ...]], manner: Manner) -> tuple[str, ...]:
    """Those of the functions that do something else at each call, or something beside: such are not called to look."""
    rows = session.rows(
        """SELECT DISTINCT p.proname FROM pg_catalog.pg_proc AS p
             JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
             JOIN unnest(%s::text[], %s::text[]) AS wanted (schema, name) ON wanted.name = p.proname
            WHERE p.provolatile = 'v' AND n.nspname = ANY (
                CASE WHEN wanted.schema = '' THEN ARRAY['pg_catalog'] || %s::text[] ELSE ARRAY[wanted.schema] END)
            ORDER BY 1""",
        (
            [each[-2] if len(each) > 1 else "" for each in names],
            [each[-1] for each in names],
            list(manner.search_path),
        ),
    )
    return tuple(str(name) for (name,) in rows)


def count_breaking_rows(session: Session, question: Question, manner: Manner) -> Counted:
    """How many rows break the demand, counted up to the limit.

    Raises StatementError when the server does not answer: no right, no time, somebody holds the table, or a name
    that is not there yet.
    """
    version = session.server_version
    with session.transaction(read_only=True):
        _set(session, manner)
        try:
            if (tried := _tried(question, version)) is not None:
                session.execute(tried)
            found = _breaking(question, version)
            if found is None:
                return Counted(count=0)
            counted = compose(
                "SELECT count(*) FROM ({found} LIMIT {limit}) AS found",
                found=_selecting(found, sql.SQL("1")),
                limit=literal(LIMIT),
            )
            return Counted(count=int(session.value(counted)))
        except StatementError as error:
            if _says_that_a_value_is_wrong(error, question):
                return Counted(count=None)
            raise


def shown_query(session: Session, question: Question) -> str:
    """The query that shows the rows to whoever sends it; empty where one query cannot tell them apart."""
    found = _breaking(question, session.server_version)
    return "" if found is None else session.as_text(_selecting(found, sql.SQL("*")))


def _says_that_a_value_is_wrong(error: StatementError, question: Question) -> bool:
    """Whether the step would meet the same value, and fail by it too."""
    if (error.sqlstate or "")[:2] not in _OF_DATA:
        return False
    match question:
        case Breaking() | Unfit():
            return True
        case Duplicates():
            return not question.where  # else it may be a value of a row that the index leaves out
        case _:
            return False


def _set(session: Session, manner: Manner) -> None:
    path = comma_separated(*(identifier(each) for each in manner.search_path))
    session.execute(
        compose(
            "SET LOCAL search_path = {path}; SET LOCAL row_security = off; SET LOCAL lock_timeout = {wait};"
            " SET LOCAL statement_timeout = {time}",
            path=path,
            wait=literal(_LOCK_WAIT),
            time=literal(max(int(manner.seconds * 1000), 1)),
        )
    )
    if manner.role:
        session.execute(compose("SET LOCAL ROLE {role}", role=identifier(manner.role)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What follows the SELECT list, and a list of its own where `*` would say too little."""

    rest: Composable
    columns: Composable | None = None


def _selecting(found: _Found, columns: Composable) -> Composed:
    return compose("SELECT {columns} FROM {rest}", columns=found.columns or columns, rest=found.rest)


def _breaking(question: Question, version: int) -> _Found | None:
    """The rows that break it; None where only trying tells."""
    match question:
        case AnyRow():
            return _Found(rest=_table(question.rows))
        case NullIn():
            word = "IS NOT DISTINCT FROM NULL" if question.exactly else "IS NULL"
            nulls = (compose(f"{{name}} {word}", name=identifier(each)) for each in question.columns)
            return _where(question.rows, sql.SQL(" OR ").join(nulls))
        case Breaking():
            # Not `NOT (…)`: of NOT (a OR b) the planner makes NOT a AND NOT b, and may ask for b first.
            how = "({condition}) IS NOT TRUE" if question.strictly else "({condition}) IS FALSE"
            return _where(question.rows, compose(how, condition=_said(question.condition)))
        case Meeting():
            return _where(question.rows, _said(question.condition))
        case Duplicates():
            return _duplicates(question)
        case Orphans():
            return _orphans(question)
        case Overlapping():
            return _overlapping(question)
        case Referenced():
            return _referenced(question)
        case Unfit():
            condition = _unfit(_term(question.term), question.test, version)
            return None if condition is None else _where(question.rows, condition)


def _where(rows: RowsThen, condition: Composable) -> _Found:
    return _Found(rest=compose("{table} WHERE {condition}", table=_table(rows), condition=condition))


def _said(expression: str) -> Composable:
    """An author's expression, as our parser has read and written it: it cannot end what it stands in."""
    return sql.SQL(expression)


def _table(rows: RowsThen, alias: str = "", *, place: bool = False) -> Composable:
    """The table as an item of FROM; `place`: with what tells its rows apart."""
    source = compose("ONLY {table}" if rows.only else "{table}", table=identifier(rows.schema, rows.table))
    name = identifier(alias or rows.alias)
    if not rows.columns:
        same = (alias or rows.alias) == rows.table
        return source if same else compose("{source} AS {name}", source=source, name=name)
    columns: list[Composable] = [
        compose(
            "{value} AS {name}",
            value=_said(each.fill) if each.today is None else identifier(each.today),
            name=identifier(each.name),
        )
        for each in rows.columns
    ]
    if place:
        columns.append(sql.SQL("ctid, tableoid"))
    return compose(
        "(SELECT {columns} FROM {source}) AS {name}",
        columns=comma_separated(*columns),
        source=source,
        name=name,
    )


def _term(term: Term) -> Composable:
    value = identifier(term.column) if term.column else compose("({text})", text=_said(term.expression))
    if not term.collation:
        return value
    return compose("{value} COLLATE {name}", value=value, name=identifier(*term.collation))


def _duplicates(question: Duplicates) -> _Found:
    terms = [_term(each) for each in question.terms]
    conditions = [compose("({where})", where=_said(question.where))] if question.where else []
    if question.nulls_distinct:
        conditions.extend(compose("{term} IS DISTINCT FROM NULL", term=each) for each in terms)
    where = compose(" WHERE {all}", all=sql.SQL(" AND ").join(conditions)) if conditions else sql.SQL("")
    places = ", ".join(str(number) for number in range(1, len(terms) + 1))
    return _Found(
        columns=comma_separated(*terms, sql.SQL("count(*)")),
        rest=compose(
            f"{{table}}{{where}} GROUP BY {places} HAVING count(*) > 1",
            table=_table(question.rows),
            where=where,
        ),
    )


def _pairs(here: str, columns: Sequence[str], there: str, others: Sequence[str]) -> Composable:
    return sql.SQL(" AND ").join(
        compose("{one} = {other}", one=identifier(here, one), other=identifier(there, other))
        for one, other in zip(columns, others, strict=True)
    )


def _orphans(question: Orphans) -> _Found:
    alias = question.rows.alias
    given = [compose("{name} IS NOT NULL", name=identifier(alias, each)) for each in question.columns]
    points = sql.SQL(" AND ").join(given)
    if question.parent is not None:
        points = compose(
            "{given} AND NOT EXISTS (SELECT FROM {parent} WHERE {pairs})",
            given=points,
            parent=_table(question.parent, _PARENT),
            pairs=_pairs(_PARENT, question.parent_columns, alias, question.columns),
        )
    if question.full and len(given) > 1:
        some = compose(
            "({any}) AND NOT ({all})", any=sql.SQL(" OR ").join(given), all=sql.SQL(" AND ").join(given)
        )
        points = compose("({points}) OR ({some})", points=points, some=some)
    return _where(question.rows, points)


def _referenced(question: Referenced) -> _Found:
    rows = question.rows
    condition = _pairs(rows.alias, question.columns, _CHILD, question.child_columns)
    if question.condition:
        condition = compose("({said}) AND {pairs}", said=_said(question.condition), pairs=condition)
    return _Found(
        rest=compose(
            "{child} WHERE EXISTS (SELECT FROM {table} WHERE {condition})",
            child=_table(question.child, _CHILD),
            table=_table(rows),
            condition=condition,
        )
    )


def _overlapping(question: Overlapping) -> _Found:
    terms = [
        compose("{term} AS {name}", term=_term(each), name=identifier(f"migrate_{number}"))
        for number, each in enumerate(question.terms)
    ]
    where = compose(" WHERE {said}", said=_said(question.where)) if question.where else sql.SQL("")
    one = compose(
        "(SELECT ctid AS migrate_at, tableoid AS migrate_of, {terms} FROM {table}{where})",
        terms=comma_separated(*terms),
        table=_table(question.rows, place=True),
        where=where,
    )
    meets = sql.SQL(" AND ").join(
        compose(
            "one.{name} {operator} other.{name}",
            name=identifier(f"migrate_{number}"),
            operator=_operator(each),
        )
        for number, each in enumerate(question.operators)
    )
    return _Found(
        rest=compose(
            "{one} AS one JOIN {one} AS other"
            " ON (one.migrate_of, one.migrate_at) < (other.migrate_of, other.migrate_at) AND {meets}",
            one=one,
            meets=meets,
        )
    )


def _operator(words: Sequence[str]) -> Composable:
    if len(words) == 1:
        return _said(words[0])
    return compose("OPERATOR({schema}.{name})", schema=identifier(*words[:-1]), name=_said(words[-1]))


def _unfit(value: Composable, test: Test, version: int) -> Composable | None:
    """The condition of values that do not pass; None where only trying tells."""
    match test:
        case TooLong():
            return _too_long(value, test.length)
        case OutOfRange():
            return compose(
                "round({value}::numeric) NOT BETWEEN {low} AND {high}",
                value=value,
                low=literal(test.low),
                high=literal(test.high),
            )
        case Overflows():
            return compose(
                "{value}::numeric <> 'NaN' AND abs(round({value}::numeric, {scale})) >= 10::numeric ^ {digits}",
                value=value,
                scale=literal(test.scale),
                digits=literal(test.precision - test.scale),
            )
        case NoInput():
            if version < _INPUT_CAN_BE_ASKED:
                return None
            return compose(
                "NOT pg_input_is_valid({value}::text, {type})", value=value, type=literal(test.type)
            )
        case NoLabel():
            return compose(
                "{value}::text <> ALL ({labels}::text[])", value=value, labels=literal(list(test.labels))
            )
        case FailsCast():
            return None if test.length is None else _too_long(value, test.length)


def _too_long(value: Composable, length: int) -> Composable:
    """Blanks at the end are cut off without a word."""
    return compose("rtrim(substr({value}::text, {behind})) <> ''", value=value, behind=literal(length + 1))


def _tried(question: Question, version: int) -> Composed | None:
    """What the step will do with each value, done to each value: fails where the step would."""
    if not isinstance(question, Unfit):
        return None
    old = version < _INPUT_CAN_BE_ASKED
    if isinstance(question.test, FailsCast) or (old and isinstance(question.test, NoInput)):
        return compose(
            "SELECT count({value}::{type}) FROM {table}",
            value=_term(question.term),
            type=_said(question.test.type),
            table=_table(question.rows),
        )
    return None
