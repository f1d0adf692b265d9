"""Random runs over tables with rows, taken back: the same definitions and the same rows as before.

Some fail at their end and are taken back by the run itself; others succeed and are rolled back later.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, event, given, seed, settings
from hypothesis import strategies as st

from coordinator.errors import ReversedError
from coordinator.model.plan import Atomicity
from tests.taking_back.conftest import apply, release_all, roll_back, write_drawn
from tests.taking_back.strategies import Drawn, runs
from tests.trees import versions_of, write_revision

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.failures.site import Site
    from tests.taking_back.conftest import Workshop

SHARDS = range(8)
EXAMPLES = 14  # in each shard of each way of looking: 224 runs together
_numbers = itertools.count()


def write_failing_last(site: Site, drawn: tuple[Drawn, ...]) -> None:
    """A revision that comes after all others, and fails."""
    ends = {each.module: each.revision for each in drawn}
    after = {"one": ends.get("one", "o1"), "two": ends.get("two", "t1")}
    write_revision(
        versions_of(site.root, "two"),
        "t99",
        after=after["two"],
        requires=[f"one:{after['one']}"],
        upgrade="op.execute('SELECT 1 / 0')",
        downgrade="op.execute('SELECT 1')",
    )


def seen(site: Site) -> tuple[object, ...]:
    """What must be the same again. The order of columns is not part of it."""
    picture = site.picture()
    return picture.fingerprint, dict(picture.rows), dict(picture.versions)


def fail_and_look(workshop: Workshop, drawn: tuple[Drawn, ...], atomicity: Atomicity) -> bool:
    """Apply with a step behind them that fails. Whether all of them had run before it."""
    with workshop.site(next(_numbers)) as site:
        write_drawn(site.root, drawn)
        write_failing_last(site, drawn)
        before = seen(site)
        with pytest.raises(ReversedError) as caught:
            apply(site, atomicity)
        at_end = "division by zero" in caught.value.message
        event("at the end" if at_end else "on the way")
        assert seen(site) == before
    return at_end


def roll_back_and_look(workshop: Workshop, drawn: tuple[Drawn, ...], atomicity: Atomicity) -> bool:
    """Apply, roll back, release, apply again. Whether there was something to roll back."""
    with workshop.site(next(_numbers)) as site:
        write_drawn(site.root, drawn)
        before = seen(site)
        try:
            apply(site, atomicity)
        except ReversedError:
            event("its own steps did not fit together")
            assert seen(site) == before
            return False
        after = seen(site)
        roll_back(site)
        assert seen(site) == before
        release_all(site)
        apply(site, atomicity)
        assert seen(site) == after
    return True


@pytest.mark.postgres
@pytest.mark.parametrize("shard", SHARDS)
@pytest.mark.parametrize("look", [fail_and_look, roll_back_and_look])
def test_what_is_taken_back_leaves_the_same_definitions_and_rows(
    workshop: Workshop, look: Callable[[Workshop, tuple[Drawn, ...], Atomicity], bool], shard: int
) -> None:
    destroying = whole = total = 0

    @seed(shard)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(drawn=runs(), atomicity=st.sampled_from((Atomicity.STEP, Atomicity.STEP, Atomicity.AUTO)))
    def try_one(drawn: tuple[Drawn, ...], atomicity: Atomicity) -> None:
        nonlocal destroying, whole, total
        total += 1
        destroying += any(each.destroys for each in drawn)
        whole += look(workshop, drawn, atomicity)

    try_one()
    assert total >= EXAMPLES
    assert destroying * 3 >= total, "too few of the runs destroyed data to prove anything"
    assert whole * 2 >= total, "too few of the runs came to their end to prove anything"
