"""Random pairs of trees: one makes and changes tables, two reads, writes and holds them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from tests.order.forest import Forest

TABLES = ("one.t", "one.u")
COLUMNS = ("c", "d")
TYPES = ("int", "text")


@dataclass(slots=True)
class _Owner:
    """The tables that the owner's tree has made so far, so that its own chain makes sense."""

    draw: st.DrawFn
    tables: dict[str, dict[str, str]] = field(default_factory=dict)
    ever: set[tuple[str, str]] = field(
        default_factory=set
    )  # tables with the columns that they had at any time
    reads: int = 0

    def statement(self) -> str:
        missing = [name for name in TABLES if name not in self.tables]
        if not self.tables or (missing and self.draw(st.integers(0, 4)) == 0):
            return self._create(self.draw(st.sampled_from(missing)))
        table = self.draw(st.sampled_from(sorted(self.tables)))
        statement = self._alter(table)
        self._remember()
        return statement

    def _remember(self) -> None:
        self.ever |= {(table, name) for table, columns in self.tables.items() for name in (*columns, "id")}

    def _create(self, table: str) -> str:
        columns = {name: self.draw(st.sampled_from(TYPES)) for name in COLUMNS if self.draw(st.booleans())}
        self.tables[table] = columns
        self._remember()
        body = ", ".join(["id int primary key", *(f"{name} {kind}" for name, kind in columns.items())])
        return f"create table {table}({body})"

    def _alter(self, table: str) -> str:
        columns = self.tables[table]
        absent = [name for name in COLUMNS if name not in columns]
        actions = ["add", "add", "drop", "drop", "rename", "retype", "add not null", "drop table", "read"]
        action = self.draw(st.sampled_from(actions))
        if action == "read":
            self.reads += 1
            return f"create table one.z{self.reads} as select i from two.b"
        if action == "drop table":
            del self.tables[table]
            return f"drop table {table}"
        if action.startswith("add") or not columns:
            if not absent:
                return f"update {table} set id = id"
            name = self.draw(st.sampled_from(absent))
            columns[name] = self.draw(st.sampled_from(TYPES))
            required = " not null" if action == "add not null" else ""
            return f"alter table {table} add {name} {columns[name]}{required}"
        name = self.draw(st.sampled_from(sorted(columns)))
        if action == "rename" and absent:
            columns[absent[0]] = columns.pop(name)
            return f"alter table {table} rename {name} to {absent[0]}"
        if action == "retype":
            columns[name] = "text"
            return f"alter table {table} alter {name} type text"
        del columns[name]
        return f"alter table {table} drop {name}"


@dataclass(slots=True)
class _Reader:
    """What the reader's tree has made so far."""

    draw: st.DrawFn
    known: list[tuple[str, str]]
    made: int = 0
    has_table: bool = False
    extra: list[str] = field(default_factory=list)  # tables of the other module that have our column
    views: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)

    def statement(self) -> str:
        table, column = self.draw(st.sampled_from(self.known))
        self.made += 1
        kinds = [
            "copy",
            "copy",
            "view",
            "view",
            "star",
            "number",
            "key",
            "insert",
            "delete",
            "function",
            "extend",
        ]
        kinds += ["retract"] * bool(self.extra) + ["table" if not self.has_table else "drop table"]
        kinds += ["drop view", "drop view", "replace"] * bool(self.views) + ["drop key", "drop key"] * bool(
            self.keys
        )
        kind = self.draw(st.sampled_from(kinds))
        if kind in {"view", "star"}:
            self.views.append(f"two.v{self.made}")
            return f"create view two.v{self.made} as select {column if kind == 'view' else '*'} from {table}"
        if kind in {"drop view", "replace"}:
            view = self.views.pop()
            again = ""
            if kind == "replace":
                self.views.append(view)
                again = f"; create view {view} as select {column} from {table}"
            return f"drop view {view}{again}"
        if kind == "key":
            self.keys.append(f"two.k{self.made}")
            return f"create table two.k{self.made}(i int constraint fk references {table}(id))"
        if kind == "drop key":
            return f"alter table {self.keys.pop()} drop constraint fk"
        if kind in {"table", "drop table"}:
            self.has_table = kind == "table"
            return "create table two.b(i int)" if self.has_table else "drop table two.b"
        if kind == "extend":
            self.extra.append(f"{table} x{self.made}")
            return f"alter table {table} add x{self.made} int"
        if kind == "retract":
            where, name = self.extra.pop().split()
            return f"alter table {where} drop {name}"
        return {
            "copy": f"create table two.r{self.made} as select {column} from {table}",
            "number": f"create table two.n{self.made} as select {column} + 1 as x from {table}",
            "insert": f"insert into {table}(id) values ({self.made})",
            "function": f"create function two.f{self.made}() returns bigint language plpgsql"
            f" as $$ begin return (select count({column}) from {table}) + 0; end $$",
            "delete": f"delete from {table}",
        }[kind]


@st.composite
def forests(draw: st.DrawFn) -> Forest:
    """One chain of two to four revisions that makes and changes tables, one of one to three that uses them."""
    owner = _Owner(draw)
    ours = [
        (f"a{number}", "; ".join(owner.statement() for _ in range(draw(st.integers(1, 2)))))
        for number in range(1, draw(st.integers(2, 4)) + 1)
    ]
    reader = _Reader(draw, sorted(owner.ever))
    theirs = [
        (f"b{number}", "; ".join(reader.statement() for _ in range(draw(st.sampled_from((1, 1, 2))))))
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]
    return {"one": ours, "two": theirs}
