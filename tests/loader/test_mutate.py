"""Five hundred mutated files, and the same for the same seed; `python -m tests.loader.mutate` does five thousand."""

from __future__ import annotations

import pytest

from tests.loader.mutate import STAGES, Mutant, end_of, outcomes
from tests.loader.mutations import WEIGHTS, bases, mutant, regions

SEED, FILES, PARTS = 4, 500, 10


@pytest.mark.parametrize("kind", WEIGHTS)
def test_the_sound_files_are_sound(kind: str, tmp_path: object) -> None:
    for base in bases(kind):
        assert {name: end_of(stage, Mutant(base, base.data, ()), f"{tmp_path}/x.so") for name, stage in STAGES.items()} == (
            dict.fromkeys(STAGES, ("clean", ""))
        ), base.name
        assert len(regions(base)) > 12


def test_a_seed_and_a_number_say_all_of_a_file() -> None:
    first = [mutant(SEED, number) for number in range(20)]
    assert [mutant(SEED, number) for number in range(20)] == first
    assert sum(file.data != file.base.data for file in first) > 15
    assert mutant(SEED + 1, 0) != first[0]


@pytest.mark.parametrize("part", range(PARTS))
def test_mutated_files_end_cleanly(part: int) -> None:
    size = FILES // PARTS
    found = list(outcomes(SEED, part * size, size))
    assert [outcome.number for outcome in found] == list(range(part * size, (part + 1) * size))
    assert not [outcome.failure for outcome in found if outcome.failure]
    assert {"clean", "LoadError"} <= {words for outcome in found for words in outcome.stages.values()}
