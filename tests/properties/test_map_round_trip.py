"""A rendered map reads back as the same map, whatever its names hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.mapfile.parser import parse_map
from coordinator.mapfile.rendering import render_map
from coordinator.mapfile.words import ENGLISH, PORTUGUESE, Vocabulary
from tests.properties.map_strategies import MAPS

if TYPE_CHECKING:
    from coordinator.model.database_map import DatabaseMap


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(MAPS, st.sampled_from([ENGLISH, PORTUGUESE]))
def test_a_rendered_map_reads_back_as_the_same_map(database_map: DatabaseMap, words: Vocabulary) -> None:
    again = parse_map(render_map(database_map, words=words), file="map.md")
    assert again == database_map
    assert again.problems == ()
