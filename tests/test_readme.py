"""What the README shows is what its examples print, apart from times."""

from __future__ import annotations

from pathlib import Path

import pytest

from emuload import samples
from tests.command_line import without_times
from tests.readme import README, Example, examples

SHOWN = [example for example in examples(README.read_text()) if "samples/" in example.code or "demo" in example.code]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the samples in it, as after `emuload demo --write samples`."""
    made = tmp_path_factory.mktemp("readme")
    for name in samples.SAMPLES:
        samples.path(name, made / "samples")
    return made


@pytest.mark.parametrize("example", SHOWN, ids=lambda example: str(example.code).splitlines()[0][:60])
def test_example_prints_what_the_readme_shows(example: Example, folder: Path) -> None:
    if " exec " in example.code:
        pytest.skip("needs a program that the README builds; see tests.readme")
    assert _stable(example.run(folder)) == _stable(example.output)


def test_there_are_examples() -> None:
    assert len(SHOWN) >= 6


def _stable(text: str) -> str:
    """Without times, virtual ones in milliseconds and those in events."""
    return "\n".join(line for line in without_times(text).splitlines() if not line.startswith("Row("))
