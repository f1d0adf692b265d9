"""Hypothesis strategies for database maps, awkward names included."""

from __future__ import annotations

from hypothesis import strategies as st

from coordinator.model.database_map import (
    DatabaseMap,
    MappedColumn,
    MappedModule,
    MappedTable,
    MapReference,
    folded,
)

AWKWARD = (
    "a|b",
    'say "hi"',
    "`tick`",
    "``",
    "<script>alert(1)</script>",
    "a.b",
    "User Management",
    "user-management",
    "**bold**",
    "_",
    "__",
    "-",
    "---",
    "| --- |",
    "[x](y)",
    "[outros módulos...]",
    "Module",
    "Module CRM",
    "Módulo",
    "table",
    "Used by",
    "usado por:",
    "columns",
    "FK para x",
    "REFERENCES a.b",
    "→",
    "->",
    "a -> b",
    "a — b",
    "none",
    "nenhum",
    "1. first",
    "# h",
    "🏠",
    "🏠 CRM",
    "\\",
    "a\\|b",
    "&amp;",
    "&#124;",
    "ação",
    "名前",
    "a,b",
    "a;b",
    "(x)",
    "x (y)",
    " lead",
    "trail ",
    "two  spaces",
    "new\nline",
    "tab\there",
    "*",
    "...",
    "tbd",
    "$x$",
    "~~s~~",
    "x:y",
    "\xa0",
    "\u2028",
    "é",
    "'",
    '"',
    '""',
    "```",
    "Notes",
    "id / code",
    "database_map.md",
    "https://a.b/c",
)
READABLE = st.characters(exclude_categories=("Cs", "Cc"))
NAMES = st.one_of(
    st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True),
    st.sampled_from(AWKWARD),
    st.text(READABLE, min_size=1, max_size=8),
)
TEXTS = st.one_of(st.just(""), st.sampled_from(AWKWARD), st.text(READABLE, max_size=12))
TYPES = st.one_of(
    st.sampled_from(["", "integer", "character varying(40)", "numeric(10,2)", 'crm."Status"[]']), TEXTS
)


def references(*, remarks: bool) -> st.SearchStrategy[MapReference]:
    """References with a table when they name a column or a schema."""

    @st.composite
    def build(draw: st.DrawFn) -> MapReference:
        depth = draw(st.integers(0 if remarks else 1, 3))
        return MapReference(
            module=draw(NAMES),
            schema=draw(NAMES) if depth == 3 else None,
            table=draw(NAMES) if depth >= 1 else None,
            column=draw(NAMES) if depth >= 2 and draw(st.booleans()) else None,
            notes=draw(TEXTS) if remarks else "",
        )

    return build()


COLUMNS = st.builds(
    MappedColumn,
    name=NAMES,
    type=TYPES,
    references=st.lists(references(remarks=False), max_size=2).map(tuple),
    notes=TEXTS,
    nullable=st.sampled_from([None, True, False]),
    personal=st.booleans(),
)
TABLES = st.builds(
    MappedTable,
    name=NAMES,
    schema=st.one_of(st.none(), NAMES),
    columns=st.lists(COLUMNS, max_size=4, unique_by=lambda each: each.name).map(tuple),
)
MODULES = st.builds(
    MappedModule,
    name=NAMES,
    schemas=st.lists(NAMES, max_size=2, unique=True).map(tuple),
    owner=st.one_of(st.none(), NAMES),
    tables=st.lists(TABLES, max_size=3, unique_by=lambda each: (each.schema, each.name)).map(tuple),
    used_by=st.lists(references(remarks=True), max_size=3).map(tuple),
    depends_on=st.lists(references(remarks=True), max_size=3).map(tuple),
)
MAPS = st.builds(
    DatabaseMap,
    modules=st.lists(MODULES, min_size=1, max_size=3, unique_by=lambda each: folded(each.name)).map(tuple),
    open=st.booleans(),
)
