"""What the README shows is what its examples print, apart from times."""

from __future__ import annotations

from pathlib import Path

import pytest

from emuload import samples
from tests.support import toolchain
from tests.support.command_line import without_times
from tests.support.examples import README, Example, examples, prepare

TEXT = README.read_text()
SHOWN = list(examples(TEXT))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the samples in it, as after `emuload samples samples`, and what the README builds."""
    made = tmp_path_factory.mktemp("readme")
    toolchain.go_root("1.27")
    prepare(TEXT, made)
    for name in samples.SAMPLES:
        samples.path(name, made / "samples")
    return made


@pytest.mark.parametrize("example", SHOWN, ids=lambda example: str(example.code).splitlines()[0][:60])
def test_example_prints_what_the_readme_shows(example: Example, folder: Path) -> None:
    assert _stable(example.run(folder)) == _stable(example.output)


def test_there_are_examples() -> None:
    assert len(SHOWN) >= 10


def _stable(text: str) -> str:
    """Without times, virtual ones in milliseconds and those in events."""
    return "\n".join(line for line in without_times(text).splitlines() if not line.startswith("Row("))
