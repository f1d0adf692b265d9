"""A map made from what is built is one that the contract has nothing to say against."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.mapfile.construction import map_from_schema
from coordinator.mapfile.contract import compare_map
from coordinator.mapfile.parser import parse_map
from coordinator.mapfile.rendering import render_map
from coordinator.mapfile.updating import update_map
from coordinator.model.built_schema import (
    BuiltColumn,
    BuiltForeignKey,
    BuiltModule,
    BuiltSchema,
    BuiltTable,
    ModuleUse,
)
from coordinator.model.module import Module
from tests.properties.map_strategies import MAPS

if TYPE_CHECKING:
    from coordinator.model.database_map import DatabaseMap

TYPES = [
    "integer",
    "text",
    "character varying(40)",
    "numeric(10,2)",
    "timestamp with time zone",
    "crm.stage[]",
]
NAMES = st.sampled_from(
    ["id", "user_id", "userid", "Name", "a b", 'say "hi"', "é", "x|y", "`t`", "order", "none", "FK"]
)


@st.composite
def schemas(draw: st.DrawFn) -> BuiltSchema:
    """Up to three modules, one of them with two schemas, with keys and uses between all of them."""
    owned = {"crm": ("crm", "crm_audit"), "billing": ("billing",), "User Management": ("users",)}
    names = draw(st.lists(st.sampled_from(sorted(owned)), min_size=1, max_size=3, unique=True))
    places = [(name, schema) for name in names for schema in owned[name]]
    tables: dict[tuple[str, str], tuple[BuiltColumn, ...]] = {}
    for _, schema in places:
        for table in draw(st.lists(NAMES, max_size=3, unique=True)):
            columns = st.builds(BuiltColumn, name=NAMES, type=st.sampled_from(TYPES), nullable=st.booleans())
            tables[schema, table] = tuple(
                draw(st.lists(columns, min_size=1, max_size=4, unique_by=lambda each: each.name))
            )
    built = tuple(
        BuiltModule(
            name=name,
            schemas=owned[name],
            tables=tuple(
                BuiltTable(
                    schema=schema,
                    name=table,
                    columns=columns,
                    foreign_keys=tuple(draw(st.lists(keys(columns, tables), max_size=2))),
                )
                for (schema, table), columns in tables.items()
                if schema in owned[name]
            ),
        )
        for name in names
    )
    uses = st.builds(
        ModuleUse,
        consumer=st.sampled_from(names),
        provider=st.sampled_from(names),
        consumer_table=st.one_of(st.none(), NAMES),
        provider_table=st.one_of(st.none(), NAMES),
    )
    return BuiltSchema(modules=built, uses=tuple(draw(st.lists(uses, max_size=4))))


def keys(
    columns: tuple[BuiltColumn, ...], tables: dict[tuple[str, str], tuple[BuiltColumn, ...]]
) -> st.SearchStrategy[BuiltForeignKey]:
    """A key of one column to any column of any table."""
    targets = [(schema, table, each.name) for (schema, table), found in tables.items() for each in found]
    return st.builds(
        lambda column, target: BuiltForeignKey(
            columns=(column.name,), schema=target[0], table=target[1], target_columns=(target[2],)
        ),
        st.sampled_from(columns),
        st.sampled_from(targets),
    )


def modules_of(built: BuiltSchema) -> tuple[Module, ...]:
    return tuple(
        Module(name=each.name, path=Path(each.name), schemas=each.schemas, owner="owner")
        for each in built.modules
    )


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas())
def test_a_map_written_from_nothing_is_found_right_and_reads_back(built: BuiltSchema) -> None:
    database_map = map_from_schema(built, modules_of(built), None)
    assert compare_map(database_map, built) == ()
    again = parse_map(render_map(database_map), file="map.md")
    assert again == database_map
    assert compare_map(again, built) == ()


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(schemas(), schemas())
def test_a_map_of_another_day_is_brought_up_to_date_and_then_stays(
    before: BuiltSchema, after: BuiltSchema
) -> None:
    document = render_map(map_from_schema(before, modules_of(before), None))
    wanted = map_from_schema(after, modules_of(after), parse_map(document, file="map.md"))
    updated = update_map(document, wanted)
    found = parse_map(updated, file="map.md")
    assert compare_map(found, after) == ()
    again = map_from_schema(after, modules_of(after), found)
    assert update_map(updated, again) == updated


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(MAPS, schemas())
def test_whatever_the_old_map_says_the_new_one_is_right(previous: DatabaseMap, built: BuiltSchema) -> None:
    database_map = map_from_schema(built, modules_of(built), previous)
    assert {each.rule for each in compare_map(database_map, built)} <= {"map-unknown-module"}
