"""Every scenario does what its stored trace says, and shows the order that it is there for."""

from __future__ import annotations

import pytest

from emuload.report.difference import difference
from emuload.samples import SAMPLES
from emuload.scenarios.storing import equal, same_run
from emuload.trace.jsonl import read
from tests.trace.references import SCENARIOS, run_again


@pytest.mark.parametrize("sample", SAMPLES)
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_run_is_the_one_that_is_kept(name: str, sample: str) -> None:
    scenario = SCENARIOS[name]
    made, kept = run_again(scenario, sample), read(str(scenario.trace(sample)))
    made.header = same_run(kept.header, made.header)
    if not equal(kept, made):
        update = f"If that is as it should be: emuload trace --update {name} --arch {sample}"
        pytest.fail(f"{difference(kept, made, order_only=False).text()}\n{update}", pytrace=False)
