"""Walks every point of every shape: `ci/kill-matrix`."""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from tests.kills.crowd import MANY, Crowd
from tests.kills.ground import Ground
from tests.kills.log import Log, LogError
from tests.kills.points import folded
from tests.kills.shapes import SHAPES
from tests.kills.strikes import HOWS, KILL
from tests.kills.walk import Walk

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.kills.points import Point

_COUNTED = re.compile(r"^(\S+): (\d+) of (\d+) points struck, (\d+) failed", re.MULTILINE)


def main(words: Sequence[str] | None = None) -> int:
    """Walk what was asked for, print the counts and each failure; 1 when something failed."""
    parser = _parser()
    asked = parser.parse_args(words)
    if asked.log:
        try:
            asked.log.open("a", encoding="utf-8").close()
        except OSError as error:
            parser.error(f"--log {asked.log}: {error.strerror}")
    if asked.jobs > 1:
        return _side_by_side(asked)
    failed = 0
    with tempfile.TemporaryDirectory(prefix="kill-matrix-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        with Ground(Path(folder)) as ground:
            if asked.rounds:
                failed += _rounds(ground, asked.rounds, asked.seed)
            for name in asked.shape or (() if asked.rounds else SHAPES):
                try:
                    failed += _walk(ground, name, asked)
                except LogError as error:
                    print(f"FAILED: {error}", flush=True)
                    failed += 1
    return 1 if failed else 0


def _side_by_side(asked: argparse.Namespace) -> int:
    """One process for each part of each shape, so many at a time; what it prints is shown when it has ended.

    A part is every `--jobs`-th point, each part beginning at another one, so that no job is left with the longest shape.
    """
    options = [
        "--how",
        asked.how,
        "--every",
        str(asked.every * asked.jobs),
        *(["--fold"] if asked.fold else []),
        *(["--log", str(asked.log)] if asked.log else []),
    ]

    def walk(part: tuple[str, int]) -> tuple[int, str]:
        name, first = part
        words = [sys.executable, "-m", "tests.kills.matrix", "--shape", name, "--from", str(first), *options]
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        print(done.stdout, end="", flush=True)
        return done.returncode, done.stdout

    parts = [
        (name, asked.start + number * asked.every)
        for name in asked.shape or SHAPES
        for number in range(asked.jobs)
    ]
    with ThreadPoolExecutor(asked.jobs) as pool:
        ended = list(pool.map(walk, parts))
    complete = _sum_up("".join(said for _, said in ended), whole=_is_whole(asked))
    return max(0 if complete else 1, *(abs(code) for code, _ in ended))


def _is_whole(asked: argparse.Namespace) -> bool:
    """Whether every recorded point is to be struck."""
    some = asked.every > 1 or asked.start > 1 or asked.to or asked.fold
    return not some and asked.how == KILL


def _sum_up(said: str, *, whole: bool) -> bool:
    """Print what all parts of each shape came to; of a whole walk, whether every recorded point was struck."""
    counts: dict[str, tuple[int, int, int]] = {}
    for name, struck, recorded, failed in _COUNTED.findall(said):
        before = counts.get(name, (0, 0, 0))
        counts[name] = (before[0] + int(struck), int(recorded), before[2] + int(failed))
    for name, (struck, recorded, failed) in counts.items():
        print(f"in all, {name}: {struck} of {recorded}, {failed} failed")
    struck, recorded, failed = (sum(each[place] for each in counts.values()) for place in range(3))
    print(f"in all: {struck} of {recorded} points struck, {failed} failed", flush=True)
    return not whole or struck == recorded


def _walk(ground: Ground, name: str, asked: argparse.Namespace) -> int:
    began = time.monotonic()
    walk = Walk(ground, SHAPES[name])
    print(f"{name}: {len(walk.points)} points recorded in {time.monotonic() - began:.1f} s", flush=True)
    if asked.list:
        for each in walk.points:
            print(f"  {each}")
        return 0
    walked: list[Point] = []
    failed = 0
    log = Log(asked.log) if asked.log else None
    before = log.struck(name, asked.how, walk.points) if log else {}
    points = walk.points_for(asked.how)
    for point in folded(points) if asked.fold else points:
        if point.number < asked.start or (asked.to and point.number > asked.to):
            continue
        if (point.number - asked.start) % asked.every:
            continue
        walked.append(point)
        if point.number in before:
            if before[point.number]:
                failed += 1
                print(f"FAILED, as {asked.log} tells: {again(name, point, asked.how)}", flush=True)
            continue
        story = walk.strike(point, asked.how)
        if log:
            log.add(name, asked.how, walk.points, point, failed=bool(story.complaints))
        if story.complaints:
            failed += 1
            print(f"FAILED: {story}\n  again: {again(name, point, asked.how)}", flush=True)
    _print_counts(name, walked, len(walk.points), failed, time.monotonic() - began)
    if _is_whole(asked) and len(walked) != len(walk.points):
        print(f"FAILED: {name}: {len(walked)} points of {len(walk.points)} were struck", flush=True)
        failed += 1
    return failed


def _rounds(ground: Ground, count: int, seed: int) -> int:
    """Rounds of twenty at once; the seed of a round that failed repeats its dice."""
    failed = killed = 0
    began = time.monotonic()
    for empty in (True, False):
        crowd = Crowd(ground, empty=empty)
        for number in range(1 if empty else count):
            dice = None if empty else random.Random(f"{seed} {number}")
            found = crowd.round(dice)
            killed += found.was_killed
            if found.complaints:
                failed += 1
                print(
                    f"FAILED: {crowd.name}, round {number}: {found}\n  again: {_rounds_again(seed)}",
                    flush=True,
                )
    if count and not killed:
        failed += 1
        print("FAILED: in no round anybody was killed before it had ended", flush=True)
    print(
        f"{MANY} at once on an empty database, then {count} rounds with pending steps:"
        f" {killed} killed in time, {failed} failed, {time.monotonic() - began:.0f} s",
        flush=True,
    )
    return failed


def _rounds_again(seed: int) -> str:
    return f"ci/kill-matrix --rounds 50 --seed {seed}"


def again(name: str, point: Point, how: str) -> str:
    """The one command that repeats a strike."""
    words = "" if how == KILL else f" --how {how}"
    return f"ci/kill-matrix --shape {name} --from {point.number} --to {point.number}{words}"


def _print_counts(name: str, walked: list[Point], recorded: int, failed: int, seconds: float) -> None:
    counts = Counter(each.sort for each in walked)
    for (phase, kind), count in sorted(counts.items()):
        print(f"  {phase:<10} {kind:<14} {count:>5}")
    print(f"{name}: {len(walked)} of {recorded} points struck, {failed} failed, {seconds:.0f} s", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ci/kill-matrix", description=__doc__)
    parser.add_argument(
        "--shape", action="append", choices=sorted(SHAPES), help="only this one; may be repeated"
    )
    parser.add_argument("--from", dest="start", type=int, default=1, help="first point")
    parser.add_argument("--to", type=int, default=0, help="last point")
    parser.add_argument("--every", type=int, default=1, help="only each n-th point")
    parser.add_argument("--fold", action="store_true", help="leave out reads that come right after a read")
    parser.add_argument(
        "--jobs",
        type=int,
        default=1,
        help="so many processes at a time, each with a part of the points; without --to",
    )
    parser.add_argument(
        "--log",
        type=Path,
        help="a file that gets a line for each strike, from the project's folder; points that stand there are"
        " counted, not struck again",
    )
    parser.add_argument("--how", default=KILL, choices=HOWS, help="what happens there")
    parser.add_argument(
        "--rounds", type=int, default=0, help="so many rounds of twenty processes started at once"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the rounds")
    parser.add_argument("--list", action="store_true", help="record and print the points, strike none")
    return parser


if __name__ == "__main__":
    sys.exit(main())
