"""Aligns two sequences of which elements were lost, inserted or changed.

Equal elements at both ends correspond. Between them, elements that occur once on either side are anchors (Bram Cohen's patience
diff: as many of them as have the same order), and so again between the anchors. Stretches without anchors, less the elements that
one side lacks, go through the greedy algorithm of E. W. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), in
steps of at most STEP differences, so that the cost stays proportional to the length.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import pairwise
from typing import NamedTuple

STEP = 64
"""Differences after which the greedy algorithm takes the way that has led farthest."""

Pair = tuple[int, int]


def align(left: Sequence[Hashable], right: Sequence[Hashable]) -> list[Pair]:
    """The pairs (index on the left, index on the right) of corresponding, equal elements, ascending on both sides."""
    numbers: dict[Hashable, int] = {}
    one, other = ([numbers.setdefault(element, len(numbers)) for element in side] for side in (left, right))
    pairs: list[Pair] = []
    windows = [(0, len(one), 0, len(other))]
    while windows:
        a, b, c, d = windows.pop()
        while a < b and c < d and one[a] == other[c]:
            pairs.append((a, c))
            a, c = a + 1, c + 1
        while a < b and c < d and one[b - 1] == other[d - 1]:
            b, d = b - 1, d - 1
            pairs.append((b, d))
        if a == b or c == d:
            continue
        anchors = [(a + i, c + j) for i, j in _anchors(one[a:b], other[c:d])]
        if anchors:
            pairs += anchors
            corners = [(a - 1, c - 1), *anchors, (b, d)]
            windows += [(i + 1, k, j + 1, m) for (i, j), (k, m) in pairwise(corners)]
        else:
            common = set(one[a:b]) & set(other[c:d])
            places = [i for i in range(a, b) if one[i] in common], [j for j in range(c, d) if other[j] in common]
            found = _greedy([one[i] for i in places[0]], [other[j] for j in places[1]])
            pairs += [(places[0][m], places[1][n]) for m, n in found]
    return sorted(pairs)


def _anchors(left: Sequence[int], right: Sequence[int]) -> list[Pair]:
    """Elements that occur once on either side: the longest sequence of them with the same order on both."""
    counts = Counter(left), Counter(right)
    places = {element: j for j, element in enumerate(right) if counts[1][element] == 1}
    unique = [(i, places[element]) for i, element in enumerate(left) if counts[0][element] == 1 and element in places]
    return [unique[number] for number in longest_ascending([j for _, j in unique])]


def longest_ascending(values: Sequence[int]) -> list[int]:
    """The indices of a longest ascending subsequence of different values."""
    ends: list[int] = []  # the smallest value that ends an ascending run of each length, and its index
    last: list[int] = []
    before: list[int] = []
    for number, value in enumerate(values):
        length = bisect_left(ends, value)
        before.append(last[length - 1] if length else -1)
        ends[length : length + 1] = [value]
        last[length : length + 1] = [number]
    found: list[int] = []
    number = last[-1] if last else -1
    while number >= 0:
        found.append(number)
        number = before[number]
    return found[::-1]


class _Way(NamedTuple):
    """A way through both sequences: its last run of equal elements, and the way before."""

    i: int
    j: int
    length: int
    before: _Way | None


def _greedy(left: Sequence[int], right: Sequence[int]) -> list[Pair]:
    """The pairs that a shortest edit script leaves, or nearly a shortest if more than STEP differences lie together."""
    pairs: list[Pair] = []
    i = j = 0
    while i < len(left) and j < len(right):
        way, i, j = _step(left, right, i, j)
        runs: list[_Way] = []
        while way is not None:
            runs.append(way)
            way = way.before
        pairs += [(run.i + n, run.j + n) for run in reversed(runs) for n in range(run.length)]
    return pairs


def _step(left: Sequence[int], right: Sequence[int], i: int, j: int) -> tuple[_Way | None, int, int]:
    """The way from (i, j) to the end of both, or to the farthest place within STEP differences; and that place."""
    ends = len(left), len(right)
    # By diagonal, i - j: the farthest i within the current number of differences, and the way there.
    reached: dict[int, tuple[int, _Way | None]] = {i - j + 1: (i, None)}
    best: tuple[_Way | None, int, int] = None, i, j
    middle = i - j
    for differences in range(STEP + 1):
        for diagonal in range(middle - differences, middle + differences + 1, 2):
            below, above = reached.get(diagonal - 1, (-1, None)), reached.get(diagonal + 1, (-1, None))
            x, way = above if above[0] > below[0] else (below[0] + 1, below[1])
            y = x - diagonal
            start = x
            while x < ends[0] and y < ends[1] and left[x] == right[y]:
                x, y = x + 1, y + 1
            if x > start:
                way = _Way(start, start - diagonal, x - start, way)
            reached[diagonal] = x, way
            if x <= ends[0] and y <= ends[1] and x + y > best[1] + best[2]:
                best = way, x, y
        if (best[1], best[2]) == ends:
            break
    return best
