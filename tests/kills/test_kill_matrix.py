"""Each kind of point of each phase once, with chance choosing which; `ci/kill-matrix` walks all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kills.ground import Ground
from tests.kills.matrix import again
from tests.kills.points import APPLY, LOOK, RECOVER, REHEARSE, ROLL_BACK
from tests.kills.shapes import SHAPES
from tests.kills.strikes import KILL, STOP, TERMINATE, UNANSWERED, UNSENT
from tests.kills.walk import Walk

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from tests.kills.points import Point

_PHASES = {
    "run": {LOOK, REHEARSE, APPLY},
    "rehearsed-concurrent": {LOOK, REHEARSE, APPLY},
    "step": {LOOK, APPLY},
    "concurrent": {LOOK, APPLY},
    "failing-run": {LOOK, APPLY, ROLL_BACK},
    "failing-step": {LOOK, APPLY, ROLL_BACK},
    "failing-concurrent": {LOOK, APPLY, ROLL_BACK},
    "rollback-run": {LOOK, ROLL_BACK},
    "rollback-step": {LOOK, ROLL_BACK},
    "rollback-concurrent": {LOOK, ROLL_BACK},
}


def one_of_each_sort(points: tuple[Point, ...], dice: random.Random) -> tuple[Point, ...]:
    """One point of each phase and kind."""
    sorts: dict[tuple[str, str], list[Point]] = {}
    for each in points:
        sorts.setdefault(each.sort, []).append(each)
    return tuple(sorted((dice.choice(each) for each in sorts.values()), key=lambda each: each.number))


def strike_all(walk: Walk, points: tuple[Point, ...], how: str = KILL) -> None:
    """Strike at each of them; all that went wrong, each with the command that repeats it.

    A strike that did not happen is told as such: see `Walk.strike` and `tests/kills/strikes.py`.
    """
    failed = []
    for point in points:
        story = walk.strike(point, how)
        if story.complaints:
            failed.append(f"{story}\nagain: {again(walk.shape.name, point, how)}")
    assert not failed, "\n\n".join(failed)
    assert points, "nothing was struck"


@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_after_a_kill_the_next_command_ends_with_all_in_or_as_before(
    ground: Ground, dice: random.Random, shape: str
) -> None:
    walk = Walk(ground, SHAPES[shape])
    phases = {each.phase for each in walk.points}
    assert phases >= _PHASES.get(shape, {RECOVER}), "a phase of it has no point"
    strike_all(walk, one_of_each_sort(walk.points, dice))


def test_the_same_command_passes_the_same_points_again(ground: Ground) -> None:
    first, second = (Walk(ground, SHAPES["rehearsed-concurrent"]).points for _ in range(2))

    assert first == second
    assert [each.number for each in first] == list(range(1, len(first) + 1))


# Where steps commit by themselves, and where what was put back goes again, a lost connection is another thing.
@pytest.mark.parametrize(
    ("how", "shape"),
    [
        (TERMINATE, "step"),
        (UNSENT, "step"),
        (UNANSWERED, "step"),
        (UNANSWERED, "concurrent"),
        (UNSENT, "rollback-concurrent"),
    ],
)
def test_a_connection_that_ends_at_any_moment_leaves_all_in_or_as_before(
    ground: Ground, dice: random.Random, how: str, shape: str
) -> None:
    walk = Walk(ground, SHAPES[shape])
    points = walk.points_for(how)
    chosen = sorted(dice.sample(points, 4), key=lambda each: each.number)
    strike_all(walk, tuple(chosen), how)


@pytest.fixture
def own_ground(tmp_path: Path) -> Iterator[Ground]:
    """A server that nobody else uses, since it is stopped."""
    with Ground(tmp_path) as ground:
        yield ground


def test_a_server_that_falls_over_and_comes_back_leaves_all_in_or_as_before(
    own_ground: Ground, dice: random.Random
) -> None:
    walk = Walk(own_ground, SHAPES["step"])
    writing = [each for each in walk.points if each.phase == APPLY]
    strike_all(walk, tuple(sorted(dice.sample(writing, 2), key=lambda each: each.number)), STOP)
