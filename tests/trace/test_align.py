"""Aligns sequences with edited copies of themselves."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest

from emuload.trace.align import align, longest_ascending


def longest(left: list[str], right: list[str]) -> int:
    """The length of a longest common subsequence, by the textbook's table."""
    row = [0] * (len(right) + 1)
    for one in left:
        before = row
        row = [0]
        for j, other in enumerate(right):
            row.append(before[j] + 1 if one == other else max(before[j + 1], row[j]))
    return row[-1]


def words(chance: random.Random) -> list[str]:
    return [chance.choice("abcd") for _ in range(chance.randrange(30))]


@pytest.mark.parametrize("seed", range(10))
def test_pairs_are_equal_and_ascend(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(100):
        left, right = words(chance), words(chance)
        pairs = align(left, right)
        assert all(left[i] == right[j] for i, j in pairs)
        assert all(a[0] < b[0] and a[1] < b[1] for a, b in pairwise(pairs))


def test_what_was_taken_out_is_all_that_is_not_paired() -> None:
    chance = random.Random(0)
    left = [chance.randrange(10**9) for _ in range(300)]
    kept = [(i, number) for i, number in enumerate(left) if chance.random() < 0.7]
    assert align(left, [number for _, number in kept]) == [(i, j) for j, (i, _) in enumerate(kept)]


def test_nearly_as_much_is_paired_as_can_be() -> None:
    chance = random.Random(1)
    found = best = 0
    for _ in range(300):
        left = [chance.choice("abcdefgh") for _ in range(40)]
        right = [word for word in left if chance.random() < 0.8]
        for _ in range(4):
            right.insert(chance.randrange(len(right) + 1), chance.choice("abcdefgh"))
        found += len(align(left, right))
        best += longest(left, right)
    assert found > 0.97 * best


def test_a_lost_element_leaves_the_others_paired() -> None:
    left = ["lock", "unlock"] * 500
    pairs = align(left, left[:301] + left[302:])
    assert len(pairs) == 999
    assert pairs[-1] == (999, 998)


@pytest.mark.parametrize("alphabet", [2, 50, 10**9])
def test_sequences_without_likeness_take_seconds_at_most(alphabet: int) -> None:
    chance = random.Random(2)
    left, right = ([chance.randrange(alphabet) for _ in range(5_000)] for _ in range(2))
    begin = time.process_time()
    align(left, right)
    assert time.process_time() - begin < 10


def test_the_longest_ascending_run_is_found() -> None:
    chance = random.Random(3)
    for _ in range(50):
        values = chance.sample(range(100), 8)
        places = longest_ascending(values)
        chosen = [values[place] for place in places]
        assert places == sorted(places)
        assert chosen == sorted(chosen)
        runs = ([value for bit, value in enumerate(values) if mask >> bit & 1] for mask in range(256))
        assert len(chosen) == max(len(run) for run in runs if run == sorted(run))
