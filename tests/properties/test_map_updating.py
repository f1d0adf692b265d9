"""A document brought up to date keeps its prose, holds the new facts, and is stable."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.mapfile.parser import parse_map
from coordinator.mapfile.rendering import render_map
from coordinator.mapfile.updating import update_map
from coordinator.model.database_map import DatabaseMap, folded
from tests.properties.map_strategies import MAPS

PROSE = (
    "The team meets on Mondays.",
    "See [the wiki](https://example.org/a_b) for *more*.",
    "> Ask before you change this.",
    "<!-- kept by hand -->",
    "1. first\n2. second",
    "- a remark\n- another",
    "```sql\nCREATE TABLE x (id int);\n```",
    "| Word | Meaning |\n|---|---|\n| lead | a person |",
    "Nota: revisar — em breve.",
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, list[str]]:
    """A rendered map with prose between its blocks, and the lines of that prose."""
    blocks = render_map(draw(MAPS)).rstrip("\n").split("\n\n")
    out: list[str] = []
    prose: list[str] = []
    for block in blocks:
        out.append(block)
        is_label = block in ("**Used by**", "**Depends on**")
        # A list right after a label is its list, and a list right after a list goes on with it.
        if not is_label and draw(st.integers(0, 3)) == 0:
            remark = draw(st.sampled_from([each for each in PROSE if not (block[0] == each[0] == "-")]))
            out.append(remark)
            prose.extend(remark.split("\n"))
    return "\n\n".join(out) + "\n", prose


def facts(database_map: DatabaseMap) -> DatabaseMap:
    """The map with its parts in one order, whatever the order of the document."""
    modules = [
        replace(
            module,
            name=folded(module.name),
            tables=tuple(sorted(module.tables, key=lambda each: (each.schema or "", each.name))),
            used_by=tuple(sorted(module.used_by, key=repr_of)),
            depends_on=tuple(sorted(module.depends_on, key=repr_of)),
        )
        for module in database_map.modules
    ]
    return replace(database_map, modules=tuple(sorted(modules, key=lambda each: each.name)))


def repr_of(value: object) -> str:
    """A text to sort by that does not show the place."""
    return repr(replace(value, place=None))  # type: ignore[type-var]  # only map values come here


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents(), MAPS)
def test_prose_survives_and_a_second_update_changes_nothing(
    document: tuple[str, list[str]], wanted: DatabaseMap
) -> None:
    text, prose = document
    updated = update_map(text, wanted)
    missing = Counter(prose) - Counter(updated.split("\n"))
    assert not missing
    assert update_map(updated, wanted) == updated
    assert facts(parse_map(updated, file="map.md")) == facts(wanted)


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(documents())
def test_a_document_that_is_up_to_date_stays_as_it_is_byte_for_byte(document: tuple[str, list[str]]) -> None:
    text, _ = document
    assert update_map(text, parse_map(text, file="map.md")) == text
