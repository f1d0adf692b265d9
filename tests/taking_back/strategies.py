"""Random revisions over tables with rows: what they do, how they are taken back, and whether they destroy data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Callable

# Tables with 12 rows each before any random revision. The key of one.t may be referred to, so its rows stay.
BASE = {
    "one": """
CREATE TABLE one.t (id int CONSTRAINT t_pkey PRIMARY KEY, name text, size int NOT NULL, note text DEFAULT 'none');
CREATE TABLE one.u (a int, b text, amount numeric NOT NULL, born timestamptz, CONSTRAINT u_pkey PRIMARY KEY (a, b));
CREATE TABLE one.v (id bigint CONSTRAINT v_pkey PRIMARY KEY, data jsonb, label text);
INSERT INTO one.t SELECT n, 'name ' || n, n * 3, CASE WHEN n % 2 = 0 THEN 'note ' || n END FROM generate_series(1, 12) n;
INSERT INTO one.u SELECT n % 4, 'b' || n, n / 7.0, '2024-02-29 12:00:00.123456+02'::timestamptz + n * interval '1 day'
  FROM generate_series(1, 12) n;
INSERT INTO one.v SELECT n, jsonb_build_object('n', n, 'odd', n % 2 = 1), repeat('x', n) FROM generate_series(1, 12) n;
""",
    "two": """
CREATE TABLE two.w (id int CONSTRAINT w_pkey PRIMARY KEY, t int CONSTRAINT w_t REFERENCES one.t, text text);
INSERT INTO two.w SELECT n, n, 'w' || n FROM generate_series(1, 12) n;
""",
}
COLUMNS = {
    "one.t": {"name": "text", "size": "int NOT NULL", "note": "text DEFAULT 'none'"},
    "one.u": {"amount": "numeric NOT NULL", "born": "timestamptz"},
    "one.v": {"data": "jsonb", "label": "text"},
    "two.w": {"text": "text"},
}
DEFINITIONS = {
    "one.u": "CREATE TABLE one.u (a int, b text, amount numeric NOT NULL, born timestamptz,"
    " CONSTRAINT u_pkey PRIMARY KEY (a, b))",
    "one.v": "CREATE TABLE one.v (id bigint CONSTRAINT v_pkey PRIMARY KEY, data jsonb, label text)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """One random revision: SQL of both functions, and whether it destroys data that was there."""

    module: str
    revision: str
    upgrade: str
    downgrade: str
    destroys: bool
    deletes_rows: bool = False


@dataclass(slots=True)
class _Tables:
    """What the revisions drawn so far have made of the tables, so that the next one makes sense."""

    draw: st.DrawFn
    columns: dict[str, dict[str, str]] = field(
        default_factory=lambda: {name: dict(columns) for name, columns in COLUMNS.items()}
    )
    changed: set[str] = field(default_factory=set)  # tables that are no longer as DEFINITIONS has them
    indexes: dict[tuple[str, str], list[str]] = field(default_factory=dict)  # table and column -> SQL
    made: int = 0

    def revision(self, module: str, number: int) -> Drawn:
        tables = [name for name in sorted(self.columns) if name.startswith(f"{module}.")]
        kinds: list[Callable[[str, str], tuple[str, str, bool]]] = [
            self._drop_column,
            self._drop_column,
            self._update,
            self._retype,
            self._rename,
            self._add,
            self._index,
            self._copy,
        ]
        table = self.draw(st.sampled_from(tables))
        if table in DEFINITIONS and table not in self.changed:
            kinds += [self._drop_table, self._delete, self._truncate]
        if module == "two":
            kinds += [self._key, self._view]
        self.made += 1
        up, down, destroys = self.draw(st.sampled_from(kinds))(table, f"x{self.made}")
        return Drawn(
            module=module,
            revision=f"{module[0]}{number}",
            upgrade=up,
            downgrade=down,
            destroys=destroys,
            deletes_rows=up.startswith(("DELETE", "TRUNCATE")),
        )

    def _column(self, table: str) -> str | None:
        names = sorted(self.columns[table])
        return self.draw(st.sampled_from(names)) if names else None

    def _drop_column(self, table: str, new: str) -> tuple[str, str, bool]:
        name = self._column(table)
        if name is None:
            return self._add(table, new)
        kind = self.columns[table].pop(name)
        self.changed.add(table)
        again = "".join(f"; {index}" for index in self.indexes.pop((table, name), ()))
        back = f"ALTER TABLE {table} ADD COLUMN {name} {kind}{again}"
        return f"ALTER TABLE {table} DROP COLUMN {name}", back, True

    def _update(self, table: str, new: str) -> tuple[str, str, bool]:
        names = [name for name, kind in sorted(self.columns[table].items()) if kind.startswith("text")]
        if not names:
            return self._add(table, new)
        name = self.draw(st.sampled_from(names))
        return f"UPDATE {table} SET {name} = coalesce(upper({name}), 'filled')", "SELECT 1", True

    def _retype(self, table: str, new: str) -> tuple[str, str, bool]:
        names = [
            name for name, kind in sorted(self.columns[table].items()) if kind.startswith(("int", "numeric"))
        ]
        if not names:
            return self._rename(table, new)
        name = self.draw(st.sampled_from(names))
        kind = self.columns[table][name].split()[0]
        rest = self.columns[table][name].removeprefix(kind)
        self.columns[table][name] = f"text{rest}"
        self.changed.add(table)
        lossy = self.draw(st.booleans())
        using = f"round({name}::numeric)::int::text" if lossy and kind == "numeric" else f"{name}::text"
        alter = f"ALTER TABLE {table} ALTER COLUMN {name} TYPE"
        return (
            f"{alter} text USING {using}",
            f"{alter} {kind} USING {name}::{kind}",
            lossy and kind == "numeric",
        )

    def _rename(self, table: str, new: str) -> tuple[str, str, bool]:
        name = self._column(table)
        if name is None:
            return self._add(table, new)
        self.columns[table][new] = self.columns[table].pop(name)
        indexes = self.indexes.pop((table, name), [])
        self.indexes[table, new] = [each.replace(f"({name})", f"({new})") for each in indexes]
        self.changed.add(table)
        rename = f"ALTER TABLE {table} RENAME COLUMN"
        return f"{rename} {name} TO {new}", f"{rename} {new} TO {name}", False

    def _add(self, table: str, new: str) -> tuple[str, str, bool]:
        kind = self.draw(st.sampled_from(("text", "int NOT NULL DEFAULT 7", "text DEFAULT 'new'")))
        self.columns[table][new] = kind
        self.changed.add(table)
        return f"ALTER TABLE {table} ADD COLUMN {new} {kind}", f"ALTER TABLE {table} DROP COLUMN {new}", False

    def _index(self, table: str, new: str) -> tuple[str, str, bool]:
        name = self._column(table)
        if name is None or self.columns[table][name].startswith("jsonb"):
            return self._add(table, new)
        create = f"CREATE INDEX {new} ON {table} ({name})"
        self.indexes.setdefault((table, name), []).append(create)
        self.changed.add(table)
        return create, f"DROP INDEX {table.partition('.')[0]}.{new}", False

    def _copy(self, table: str, new: str) -> tuple[str, str, bool]:
        module = table.partition(".")[0]
        return f"CREATE TABLE {module}.{new} AS SELECT id FROM one.t", f"DROP TABLE {module}.{new}", False

    def _drop_table(self, table: str, new: str) -> tuple[str, str, bool]:
        del self.columns[table]
        return f"DROP TABLE {table}", DEFINITIONS[table], True

    def _delete(self, table: str, new: str) -> tuple[str, str, bool]:
        key = {"one.u": "a", "one.v": "id"}[table]
        return f"DELETE FROM {table} WHERE {key} > 1", "SELECT 1", True

    def _truncate(self, table: str, new: str) -> tuple[str, str, bool]:
        return f"TRUNCATE {table}", "SELECT 1", True

    def _key(self, table: str, new: str) -> tuple[str, str, bool]:
        create = f"CREATE TABLE two.{new} (id int PRIMARY KEY, t int REFERENCES one.t)"
        return f"{create}; INSERT INTO two.{new} SELECT id, id FROM one.t", f"DROP TABLE two.{new}", False

    def _view(self, table: str, new: str) -> tuple[str, str, bool]:
        return f"CREATE VIEW two.{new} AS SELECT id FROM one.t", f"DROP VIEW two.{new}", False


@st.composite
def runs(draw: st.DrawFn) -> tuple[Drawn, ...]:
    """Two to six revisions of two modules; each module's follow each other."""
    tables = _Tables(draw)
    counts = {"one": 1, "two": 1}
    found = []
    for _ in range(draw(st.integers(2, 6))):
        module = draw(st.sampled_from(("one", "one", "two")))
        counts[module] += 1
        found.append(tables.revision(module, counts[module]))
    return tuple(found)
