"""The committed libraries are what their sources give, and the two sides of the host calls agree."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path

import pytest

from emuload.libc import build, host
from emuload.libc.events import EVENTS
from loader.elf import ElfFile

HEADER = (build.SOURCES / "host.h").read_text()


def enumerators(name: str) -> list[str]:
    """The names in one enum of host.h, in order."""
    body = re.search(rf"enum {name} \{{(.*?)\}};", HEADER, re.S)
    assert body is not None
    text = re.sub(r"/\*.*?\*/", "", body[1], flags=re.S)
    return [word.partition("=")[0].strip() for word in text.split(",") if word.strip()]


@pytest.mark.parametrize("target", build.TARGETS, ids=lambda target: target.abi)
def test_rebuild_is_the_committed_file(target: build.Target, tmp_path: Path) -> None:
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed")
    rebuilt = build.build(target, tmp_path).read_bytes()
    committed = (build.BUILT / f"{target.abi}.so").read_bytes()
    assert hashlib.sha256(rebuilt).hexdigest() == hashlib.sha256(committed).hexdigest(), "python -m emuload.libc.build"


def test_host_calls_have_the_same_numbers() -> None:
    names = [name.removeprefix("EM_NR_") for name in enumerators("em_host_call")]
    assert [getattr(host, name) for name in names] == list(range(host.EM_BASE, host.EM_BASE + len(names)))


def test_events_have_the_same_order() -> None:
    names = [name.removeprefix("EM_").lower().replace("_", "-") for name in enumerators("em_event")]
    assert names == [kind for kind, _ in EVENTS]


def test_info_flags_have_the_same_values() -> None:
    for name, value in re.findall(r"EM_(\w+) = (\d+),", HEADER.partition("enum em_info_flag")[2].partition("};")[0]):
        assert getattr(host, name) == int(value)


@pytest.mark.parametrize("target", build.TARGETS, ids=lambda target: target.abi)
def test_needs_nobody(target: build.Target) -> None:
    """No dependency, no symbol left open, no text relocation; local names kept for stack walks."""
    elf = ElfFile((build.BUILT / f"{target.abi}.so").read_bytes(), target.abi)
    assert elf.needed == ()
    assert elf.soname == "libc.so.6"
