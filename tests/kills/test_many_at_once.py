"""Replicas that start together: one applies, the others wait and find nothing to do, also when one of them is killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.kills.crowd import MANY, Crowd

if TYPE_CHECKING:
    import random

    from tests.kills.ground import Ground

_ROUNDS = 3
_MOST = 10  # of ten, one is killed in time but for once in ten thousand


def test_of_twenty_on_an_empty_database_one_applies_and_the_others_find_nothing_to_do(ground: Ground) -> None:
    found = Crowd(ground, empty=True).round()

    assert not found.complaints, str(found)
    said = [each.said for each in found.ended]
    assert sum("steps applied" in each for each in said) == 1, said
    assert sum("nothing to do" in each for each in said) == MANY - 1, said


def test_when_one_of_twenty_is_killed_another_goes_on_and_nothing_is_done_twice(
    ground: Ground, dice: random.Random
) -> None:
    crowd = Crowd(ground, empty=False)
    rounds = killed = 0
    while rounds < _ROUNDS or not killed:
        found = crowd.round(dice)
        rounds, killed = rounds + 1, killed + found.was_killed

        assert not found.complaints, str(found)
        assert killed or rounds < _MOST, "nobody was killed before it had ended"
