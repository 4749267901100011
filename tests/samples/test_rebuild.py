"""The shipped samples are what their source builds to."""

from __future__ import annotations

from pathlib import Path

import pytest

from emuload import samples
from tests.support import toolchain


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_rebuilt_sample_is_the_shipped_one_byte_for_byte(name: str) -> None:
    from emuload.samples import build

    try:
        rebuilt = build.build(name, toolchain.cache_folder())
    except build.ToolchainMissingError as missing:
        pytest.skip(str(missing))
    assert rebuilt == samples.read(name)


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_a_sample_is_written_where_asked(name: str, tmp_path: Path) -> None:
    written = samples.path(name, tmp_path)
    assert written == tmp_path / name / "libhello.so"
    assert written.read_bytes()[:4] == b"\x7fELF"


def test_a_sample_that_is_not_there_is_a_key_error(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        samples.path("z80", tmp_path)
