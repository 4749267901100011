"""The committed hooks are what their source gives, need nothing of the host, and agree with Python about the cells."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path

import pytest

from emuload.ilog import predictor
from emuload.machine.hooks import block_count, build, native
from emuload.machine.hooks import cells as c
from tests.machine.hooks.host_code import CONVENTIONS, built

HEADER = re.sub(r"//.*", "", (build.SOURCES / "cells.h").read_text())

needs_zig = pytest.mark.skipif(importlib.util.find_spec("ziglang") is None, reason="ziglang is not installed")


def fields(struct: str) -> list[str]:
    """The names of a struct's fields in cells.h, in order and in capital letters."""
    body = HEADER.partition(f"struct {struct} {{")[2].partition("};")[0]
    names = [name for declaration in body.split(";") for name in declaration.split(",")]
    return [name.split()[-1].lstrip("*").upper() for name in names if name.strip()]


def defined(name: str) -> int:
    """The value of a constant in cells.h."""
    found = re.search(rf"#define {name} (.*)", HEADER)
    assert found is not None
    value = eval(re.sub(r"UINT64_C\((\w+)\)", r"\1", found[1]))
    assert isinstance(value, int)
    return value


def test_there_is_a_file_for_each_convention_and_no_other() -> None:
    assert {target.convention for target in build.TARGETS} == set(CONVENTIONS)
    assert {path.name for path in Path(native.BUILT).iterdir()} == {f"{name}.bin" for name in CONVENTIONS}


@needs_zig
@pytest.mark.parametrize("target", build.TARGETS, ids=lambda target: target.convention)
def test_rebuild_is_the_committed_file(target: build.Target, tmp_path: Path) -> None:
    rebuilt = build.build(target, tmp_path).read_bytes()
    committed = built(target.convention)
    assert hashlib.sha256(rebuilt).hexdigest() == hashlib.sha256(committed).hexdigest(), "python -m emuload.machine.hooks.build"


@needs_zig
@pytest.mark.parametrize("target", build.TARGETS, ids=lambda target: target.convention)
def test_other_hosts_of_a_convention_could_have_compiled_it(target: build.Target) -> None:
    """It compiles without a warning for them and, on x86-64, to the same bytes."""
    code = built(target.convention)[min(native.offsets(built(target.convention)).values()) :]
    for triple in target.shared_with:
        compiled = build.compile_object(triple, target.machine)
        assert code in compiled or target.convention == "aarch64"


def test_aarch64_code_keeps_the_rules_of_every_system() -> None:
    import capstone

    data = built("aarch64")
    start = min(native.offsets(data).values())
    machine = capstone.Cs(getattr(capstone, "CS_ARCH_ARM64", None) or capstone.CS_ARCH_AARCH64, capstone.CS_MODE_LITTLE_ENDIAN)
    instructions = list(machine.disasm(data[start:], start))
    assert sum(each.size for each in instructions) == len(data) - start
    for each in instructions:
        assert not re.search(r"\b[wx]18\b", each.op_str), "x18 belongs to macOS and Windows"
        if re.search(r"\bx29\b", each.op_str):  # macOS: always the address of a frame record
            frame = each.op_str.startswith("x29, x30, [sp") and each.mnemonic in ("stp", "ldp")
            assert frame or (each.mnemonic, each.op_str.partition(",")[0]) in (("mov", "x29"), ("add", "x29"))
            assert "sp" in each.op_str


def test_cells_have_the_same_numbers() -> None:
    names = fields("cells")
    assert [getattr(c, name) for name in names] == list(range(c.Cells._length_))
    counted = fields("count_cells")
    assert [getattr(block_count, name) for name in counted] == list(range(len(counted)))


@pytest.mark.parametrize("name", ["BUDGET_USED", "LOG_FULL", "LEAVING", "AFTER", "WRITE", "GAP"])
def test_constants_have_the_same_values(name: str) -> None:
    assert defined(name) == getattr(c, name)


def test_guesses_are_in_the_same_places() -> None:
    for name in ("SIZE_SHIFT", "MULTIPLIER", "TABLE_BITS"):
        assert defined(name) == getattr(predictor, name)
    assert defined("COUNT_TABLE_BITS") == block_count.TABLE_BITS
