"""Build information is what `go version -m` prints."""

from __future__ import annotations

import pytest

from emuload.golang.buildinfo import Module, parse, read_build_info
from loader.image import Image
from tests.golang.files import BUILT, behaviour, go_tool, read, without_sections


@pytest.mark.parametrize(("target", "go"), BUILT)
def test_it_is_what_go_version_prints(target: str, go: str) -> None:
    path = behaviour(target, go)
    first, *rest = go_tool("version", "-m", str(path)).splitlines()
    expected = parse(first.rpartition(": ")[2], "\n".join(line.removeprefix("\t") for line in rest))
    for elf in (read(path), without_sections(read(path))):
        found = read_build_info(Image(elf))
        assert found == expected
        assert found is not None
        assert found.minor == int(go.split(".")[1])
        assert found.settings["-buildmode"] == "c-shared"


def test_modules_replacements_and_quoted_settings() -> None:
    found = parse(
        "go1.27.3",
        "path\texample.com/a\nmod\texample.com/a\t(devel)\t\n"
        "dep\texample.com/b\tv1.2.3\th1:abc=\n=>\t../b\t(devel)\t\n"
        'build\t-ldflags="-s -w"\nbuild\tCGO_CFLAGS=\nbuild\tvcs.time=2026-01-01T00:00:00Z\n',
    )
    assert found.path == "example.com/a"
    assert found.main == Module("example.com/a", "(devel)")
    assert found.deps == (Module("example.com/b", "v1.2.3", "h1:abc=", Module("../b", "(devel)")),)
    assert found.settings == {"-ldflags": "-s -w", "CGO_CFLAGS": "", "vcs.time": "2026-01-01T00:00:00Z"}


@pytest.mark.parametrize(
    ("version", "minor"),
    [("go1.27.3", 27), ("go1.21", 21), ("go1.22rc1", 22), ("devel go1.28-abc", 0), ("", 0)],
)
def test_minor_version(version: str, minor: int) -> None:
    assert parse(version, "").minor == minor
