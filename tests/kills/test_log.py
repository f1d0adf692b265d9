"""A walk that was cut off knows what it has struck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kills.log import Log, OtherPointsError
from tests.kills.points import APPLY, Point
from tests.kills.strikes import KILL, STOP

if TYPE_CHECKING:
    from pathlib import Path

POINTS = tuple(Point(number=each, phase=APPLY, kind="read", what="SELECT #") for each in (1, 2, 3))


def test_what_was_struck_is_told_of_the_same_shape_manner_and_points_alone(tmp_path: Path) -> None:
    log = Log(tmp_path / "struck")
    assert log.struck("step", KILL, POINTS) == {}
    log.add("step", KILL, POINTS, POINTS[0], failed=False)
    log.add("step", KILL, POINTS, POINTS[2], failed=True)
    log.add("run", KILL, POINTS, POINTS[1], failed=False)

    assert log.struck("step", KILL, POINTS) == {1: False, 3: True}
    assert log.struck("step", STOP, POINTS) == {}
    with pytest.raises(OtherPointsError, match=r"struck: step had other points then"):
        log.struck("step", KILL, POINTS[:2])
