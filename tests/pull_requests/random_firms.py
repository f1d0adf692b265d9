"""Random modules, what uses them, and a random change: as SQL, so that a real server can be asked who was right."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

# Type, and two values that a column of it can hold.
TYPES = {
    "integer": ("1", "2"),
    "bigint": ("10", "20"),
    "smallint": ("3", "4"),
    "numeric(8,2)": ("1.50", "2.50"),
    "text": ("'7'", "'8'"),
    "varchar(20)": ("'9'", "'11'"),
    "boolean": ("true", "false"),
    "date": ("'2026-01-01'", "'2026-01-02'"),
    "mood": ("'happy'", "'sad'"),
}
_NORM = "CREATE FUNCTION a.{} RETURNS text LANGUAGE sql AS $f$ SELECT 'x'::text $f$"
OVERLOADS = [
    _NORM.format(each)
    for each in ("norm(t text)", "norm(n integer)", "norm(t text, n integer)", "lone(t text)")
]
MORE = [
    _NORM.format(each)
    for each in (
        "norm(t text, n integer = 0)",
        "norm(n bigint)",
        "lone(n integer)",
        "lone(t text, n integer)",
        "lone(t text, n integer = 0)",
        "lone(VARIADIC t text[])",
    )
]
CALLS = ["a.norm('q'::text)", "a.norm(1)", "a.norm('q', 1)", "a.lone('q')", "a.lone(NULL)"]
_NUMBERS = ("integer", "bigint", "smallint", "numeric(8,2)")


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    mandatory: bool
    default: bool

    @property
    def sql(self) -> str:
        value = f" DEFAULT {TYPES[self.type][0]}" if self.default else ""
        kind = "public.mood" if self.type == "mood" else self.type
        return f"{self.name} {kind}{' NOT NULL' if self.mandatory else ''}{value}"


@dataclass(frozen=True)
class Table:
    schema: str
    name: str
    columns: tuple[Column, ...]
    refers: str | None  # another table
    unique: str | None = None  # the column that an index holds unique

    @property
    def full(self) -> str:
        return f"{self.schema}.{self.name}"

    def ddl(self) -> list[str]:
        parts = ["id integer PRIMARY KEY", *(each.sql for each in self.columns)]
        if self.refers is not None:
            parts.append(f"ref_id integer CONSTRAINT {self.name}_refers REFERENCES {self.refers} (id)")
        made = [f"CREATE TABLE {self.full} ({', '.join(parts)})"]
        if self.unique is not None:
            made.append(f"CREATE UNIQUE INDEX {self.name}_one ON {self.full} ({self.unique})")
        for row in (0, 1):
            names = ["id", *(each.name for each in self.columns)]
            values = [str(row + 1), *(TYPES[each.type][row] for each in self.columns)]
            made.append(f"INSERT INTO {self.full} ({', '.join(names)}) VALUES ({', '.join(values)})")
        return made


@dataclass(frozen=True)
class Holder:
    """A view or a function; `proof` is a statement that runs it."""

    name: str
    ddl: str
    proof: str


@dataclass(frozen=True)
class Firm:
    tables: tuple[Table, ...]
    holders: tuple[Holder, ...]
    statements: tuple[str, ...]
    change: tuple[str, ...]

    @property
    def ddl(self) -> list[str]:
        schemas = sorted({each.schema for each in self.tables})
        return [
            "CREATE TYPE public.mood AS ENUM ('happy', 'sad')",
            *(f"CREATE SCHEMA {each}" for each in schemas),
            *(line for each in self.tables for line in each.ddl()),
            *OVERLOADS,
            *(each.ddl for each in self.holders),
        ]


@st.composite
def firms(draw: st.DrawFn) -> Firm:
    """Two or three modules with tables, views and functions, statements of others, and one change."""
    schemas = ["a", "b", "c"][: draw(st.integers(2, 3))]
    tables: list[Table] = []
    for schema in schemas:
        for number in range(draw(st.integers(1, 2))):
            tables.append(draw(_table(schema, f"{schema}_t{number}", tables)))
    # Most of what is drawn is about one table, so that things meet.
    about = draw(st.sampled_from(tables))
    tables = [*tables, *[about] * 6]
    holders = tuple(draw(_holder(number, tables)) for number in range(draw(st.integers(1, 4))))
    statements = tuple(
        dict.fromkeys(draw(_statement(tables, holders)) for _ in range(draw(st.integers(4, 10))))
    )
    change = draw(_change(tables, holders))
    return Firm(tuple(dict.fromkeys(tables)), holders, statements, change)


@st.composite
def _table(draw: st.DrawFn, schema: str, name: str, before: list[Table]) -> Table:
    names = draw(st.lists(st.sampled_from(["x", "y", "w"]), min_size=1, max_size=3, unique=True))
    columns = tuple(
        Column(each, draw(st.sampled_from(sorted(TYPES))), draw(st.booleans()), draw(st.booleans()))
        for each in names
    )
    refers = draw(st.none() | st.sampled_from([each.full for each in before])) if before else None
    unique = draw(st.sampled_from([None, *(each.name for each in columns)]))
    return Table(schema, name, columns, refers, unique)


@st.composite
def _holder(draw: st.DrawFn, number: int, tables: list[Table]) -> Holder:
    table = draw(st.sampled_from(tables))
    schema = draw(st.sampled_from(sorted({each.schema for each in tables})))
    column = draw(st.sampled_from(table.columns))
    kind = draw(
        st.sampled_from(
            [
                *("view", "star view", "join view", "sql", "plpgsql", "writer", "atomic", "star", "updater"),
                *("upsert", "upsert", "caller", "call view"),
            ]
        )
    )
    name = f"{schema}.h{number}"
    if kind == "view":
        return Holder(
            name, f"CREATE VIEW {name} AS SELECT id, {column.name} FROM {table.full}", f"SELECT * FROM {name}"
        )
    if kind == "star view":
        return Holder(name, f"CREATE VIEW {name} AS SELECT * FROM {table.full}", f"SELECT * FROM {name}")
    if kind == "join view":
        other = draw(st.sampled_from(tables))
        sql = f"SELECT t.{column.name} AS one, o.id AS two FROM {table.full} t JOIN {other.full} o ON o.id = t.id"
        return Holder(name, f"CREATE VIEW {name} AS {sql}", f"SELECT * FROM {name}")
    if kind == "call view":
        call = draw(st.sampled_from(CALLS))
        return Holder(name, f"CREATE VIEW {name} AS SELECT {call} AS one", f"SELECT * FROM {name}")
    return _function(kind, name, table, column, draw(st.sampled_from(CALLS)))


def _function(kind: str, name: str, table: Table, column: Column, call: str) -> Holder:
    proof = f"SELECT {name}()"
    read = f"SELECT count({column.name}) FROM {table.full}"
    bodies = {
        "sql": ("bigint", f"LANGUAGE sql AS $f$ {read} $f$"),
        "atomic": ("bigint", f"BEGIN ATOMIC {read}; END"),
        "plpgsql": ("bigint", f"LANGUAGE plpgsql AS $f$ BEGIN RETURN ({read}); END $f$"),
        "star": (
            "integer",
            f"LANGUAGE plpgsql AS $f$ DECLARE r record; BEGIN SELECT * INTO r FROM {table.full} LIMIT 1; RETURN r.id; END $f$",
        ),
        "writer": ("void", f"LANGUAGE plpgsql AS $f$ BEGIN {_insert(table, 501, column)}; END $f$"),
        "upsert": ("void", f"LANGUAGE plpgsql AS $f$ BEGIN {_upsert(table)}; END $f$"),
        "caller": ("text", f"LANGUAGE plpgsql AS $f$ BEGIN RETURN {call}; END $f$"),
        "updater": (
            "void",
            f"LANGUAGE plpgsql AS $f$ BEGIN {_update(table, column)}; END $f$",
        ),
    }
    result, body = bodies[kind]
    return Holder(name, f"CREATE FUNCTION {name}() RETURNS {result} {body}", proof)


def _update(table: Table, column: Column) -> str:
    return f"UPDATE {table.full} SET {column.name} = {TYPES[column.type][0]} WHERE id = 1"


def _insert(table: Table, key: int, column: Column | None = None) -> str:
    """A row with all that it must have, and one column more."""
    given = [each for each in table.columns if (each.mandatory and not each.default) or each == column]
    names = ["id", *(each.name for each in given)]
    values = [str(key), *(TYPES[each.type][1] for each in given)]
    return f"INSERT INTO {table.full} ({', '.join(names)}) VALUES ({', '.join(values)})"


def _upsert(table: Table) -> str:
    """A row that is there already, by the unique key of the table."""
    key = next((each for each in table.columns if each.name == table.unique), None)
    return f"{_insert(table, 2, key)} ON CONFLICT ({table.unique or 'id'}) DO NOTHING"


@st.composite
def _statement(draw: st.DrawFn, tables: list[Table], holders: tuple[Holder, ...]) -> str:
    table, other = draw(st.sampled_from(tables)), draw(st.sampled_from(tables))
    column, theirs = draw(st.sampled_from(table.columns)), draw(st.sampled_from(other.columns))
    value = TYPES[column.type][0]
    kinds = {
        "column": f"SELECT {column.name} FROM {table.full}",
        "star": f"SELECT * FROM {table.full}",
        "where": f"SELECT id FROM {table.full} WHERE {column.name} = {value}",
        "number": f"SELECT id FROM {table.full} WHERE {column.name} > 0",
        "order": f"SELECT id FROM {table.full} ORDER BY {column.name}",
        "group": f"SELECT {column.name}, count(*) FROM {table.full} GROUP BY {column.name}",
        "alias": f"SELECT t.{column.name} FROM {table.full} AS t JOIN {other.full} AS o ON o.id = t.id",
        "bare": f"SELECT {column.name} FROM {table.full} AS t JOIN {other.full} AS o ON o.id = t.id",
        "compare": f"SELECT t.id FROM {table.full} AS t JOIN {other.full} AS o ON t.{column.name} = o.{theirs.name}",
        "computed": f"SELECT {column.name} || 'x' FROM {table.full}",
        "added": f"SELECT {column.name} + 1 FROM {table.full}",
        "like": f"SELECT id FROM {table.full} WHERE {column.name} LIKE 'x%'",
        "match": f"SELECT id FROM {table.full} WHERE {column.name} ~ '^x'",
        "word": f"SELECT id FROM {table.full} WHERE {column.name} IN ('x', 'yes')",
        "numbers": f"SELECT id FROM {table.full} WHERE {column.name} BETWEEN 1 AND 2",
        "lower": f"SELECT lower({column.name}) FROM {table.full}",
        "insert": _insert(table, 601),
        "insert one": _insert(table, 602, column),
        "position": f"INSERT INTO {table.full} VALUES ({', '.join(['603', *(TYPES[c.type][1] for c in table.columns)])})",
        "upsert": f"{_insert(table, 1, column)} ON CONFLICT (id) DO UPDATE SET {column.name} = excluded.{column.name}",
        "update": _update(table, column),
        "delete": f"DELETE FROM {table.full} WHERE id = 2",
        "count": f"SELECT count(*) FROM {table.full}",
        "subselect": f"SELECT id FROM {table.full} AS t WHERE EXISTS (SELECT FROM {other.full} AS o WHERE o.id = t.id"
        f" AND o.{theirs.name} IS NOT NULL)",
        "with": f"WITH q AS (SELECT id, {column.name} FROM {table.full}) SELECT q.{column.name} FROM q",
        "union": f"SELECT {column.name} FROM {table.full} UNION SELECT {theirs.name} FROM {other.full}",
        "upsert by key": _upsert(table),
        "defaults": f"INSERT INTO {table.full} (id, {column.name}) VALUES (602, DEFAULT)",
        "set default": f"UPDATE {table.full} SET {column.name} = DEFAULT WHERE id = 1",
        "by position": f"INSERT INTO {table.full} VALUES (603, {value})",
        "call": f"SELECT {draw(st.sampled_from(CALLS))}",
        "copy": f"INSERT INTO {table.full} SELECT * FROM {table.full} WHERE false",
        "cast": f"SELECT {column.name}::text FROM {table.full}",
        "mood": f"SELECT id FROM {table.full} WHERE {column.name} IN ('happy')"
        if column.type == "mood"
        else "SELECT 1",
    }
    found = kinds[draw(st.sampled_from(sorted(kinds)))]
    if holders and draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from(holders)).proof
    return found


@st.composite
def _change(draw: st.DrawFn, tables: list[Table], holders: tuple[Holder, ...]) -> tuple[str, ...]:
    table, other = draw(st.sampled_from(tables)), draw(st.sampled_from(tables))
    column = draw(st.sampled_from(table.columns))
    holder = draw(st.sampled_from(holders))
    is_view = " VIEW " in holder.ddl
    kind = "VIEW" if is_view else "FUNCTION"
    cascade = draw(st.sampled_from(["", " CASCADE"]))
    wanted = draw(st.sampled_from(sorted(TYPES)))
    overload = draw(
        st.sampled_from(["a.norm(text)", "a.norm(integer)", "a.norm(text, integer)", "a.lone(text)"])
    )
    type_name = "public.mood" if wanted == "mood" else wanted
    changed, name = f"ALTER TABLE {table.full}", column.name
    using = f" USING ({name}::text::{type_name})" if draw(st.booleans()) else ""
    kinds: dict[str, tuple[str, ...]] = {
        "drop column": (f"{changed} DROP COLUMN {name}{cascade}",),
        "drop table": (f"DROP TABLE {table.full}{cascade}",),
        "drop holder": (f"DROP {kind} {holder.name}{cascade}",),
        "remake holder": (f"DROP {kind} {holder.name}", holder.ddl),
        "replace holder": (holder.ddl.replace("CREATE ", "CREATE OR REPLACE ", 1),),
        "rename column": (f"{changed} RENAME COLUMN {name} TO other_name",),
        "rename table": (f"{changed} RENAME TO other_table",),
        "rename with a view": (
            f"{changed} RENAME TO other_table",
            f"CREATE VIEW {table.full} AS SELECT * FROM {table.schema}.other_table",
        ),
        "move": (f"{changed} SET SCHEMA {other.schema}",),
        "retype": (f"{changed} ALTER COLUMN {name} TYPE {type_name}{using}",),
        "swap": (f"{changed} DROP COLUMN {name}{cascade}", f"{changed} ADD COLUMN {name} {type_name}"),
        "not null": (f"{changed} ALTER COLUMN {name} SET NOT NULL",),
        "drop default": (f"{changed} ALTER COLUMN {name} DROP DEFAULT",),
        "set default": (f"{changed} ALTER COLUMN {name} SET DEFAULT {TYPES[column.type][1]}",),
        "add": (f"{changed} ADD COLUMN v {type_name}",),
        "add known": (f"{changed} ADD COLUMN IF NOT EXISTS w {type_name}",),
        "add mandatory": (f"{changed} ADD COLUMN v {type_name} NOT NULL DEFAULT {TYPES[wanted][0]}",),
        "add needed": (
            f"{changed} ADD COLUMN v {type_name} NOT NULL DEFAULT {TYPES[wanted][0]}",
            f"{changed} ALTER COLUMN v DROP DEFAULT",
        ),
        "unique": (f"{changed} ADD CONSTRAINT one_each UNIQUE ({name})",),
        "unique index": (f"CREATE UNIQUE INDEX one_each ON {table.full} ({name})",),
        "check": (f"{changed} ADD CONSTRAINT checked CHECK ({name} IS NOT NULL)",),
        "key": (f"{changed} ADD CONSTRAINT refers FOREIGN KEY (id) REFERENCES {other.full} (id)",),
        "drop key": (f"{changed} DROP CONSTRAINT {table.name}_pkey{cascade}",),
        "drop index": (f"DROP INDEX {table.schema}.{table.name}_one",),
        "drop index and more": (
            f"DROP INDEX {table.schema}.{table.name}_one",
            f"CREATE UNIQUE INDEX again ON {table.full} ({table.unique or 'id'}{draw(st.sampled_from(['', ', id']))})"
            + draw(st.sampled_from(["", f" WHERE {name} IS NOT NULL"])),
        ),
        "identity": (
            f"{changed} ALTER COLUMN id ADD GENERATED {draw(st.sampled_from(['ALWAYS', 'BY DEFAULT']))} AS IDENTITY",
        ),
        "swap generated": (
            f"{changed} DROP COLUMN {name}{cascade}",
            f"{changed} ADD COLUMN {name} integer GENERATED ALWAYS AS (id + 1) STORED",
        ),
        "drop function": (f"DROP FUNCTION {overload}{cascade}",),
        "rename function": (f"ALTER FUNCTION {overload} RENAME TO other_norm",),
        "remake function": (f"DROP FUNCTION {overload}", draw(st.sampled_from(MORE))),
        "more functions": (draw(st.sampled_from(MORE)),),
        "label": ("ALTER TYPE public.mood RENAME VALUE 'happy' TO 'glad'",),
        "new label": ("ALTER TYPE public.mood ADD VALUE 'calm'",),
        "rename type": ("ALTER TYPE public.mood RENAME TO temper",),
        "index": (f"CREATE INDEX by_it ON {table.full} ({name})",),
        "delete": (f"DELETE FROM {table.full} WHERE id = 2",),
        "table": (f"CREATE TABLE {table.schema}.new_one (id integer, {name} {type_name})",),
    }
    # What may hurt is drawn more often than what only adds.
    hurts = [
        each
        for each in kinds
        if each.split()[0]
        in {"drop", "rename", "move", "swap", "retype", "remake", "label", "identity", "more"}
    ]
    return kinds[draw(st.sampled_from([*hurts, *hurts, *kinds]))]
