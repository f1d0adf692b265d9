"""A walk that was cut off knows what it has struck."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.kills.log import Log, LogError
from tests.kills.matrix import main
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
    with pytest.raises(LogError, match=r"struck:1: step had other points then"):
        log.struck("step", KILL, POINTS[:2])


@pytest.mark.parametrize("line", ["not JSON", "[]", "1", '{"shape": "step"}', '{"shape": "st'])
def test_a_file_that_is_no_log_is_refused_with_its_line(tmp_path: Path, line: str) -> None:
    (tmp_path / "other").write_text(f"{line}\n", encoding="utf-8")
    with pytest.raises(LogError, match=r"other:1: this tells of no strike; take another file"):
        Log(tmp_path / "other").struck("step", KILL, POINTS)


def test_a_log_that_cannot_be_written_is_refused_before_anything_is_struck(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--log", str(tmp_path / "nowhere" / "struck")])
    assert f"--log {tmp_path / 'nowhere' / 'struck'}: No such file or directory" in capsys.readouterr().err
