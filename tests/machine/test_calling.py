"""Calls in both directions agree with what a C compiler makes of the same signatures on each architecture."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from emuload.machine.calling import Scalar, Type, plan_call
from tests.machine.calling_cases import (
    Cases,
    Machine,
    Signature,
    random_bytes,
    source,
    without_padding,
)
from tests.support.toolchain import c_library

FUNCTIONS = 150
VARIADIC = 40
TARGETS = {
    "amd64-gnu": ("amd64", True),
    "armv7-gnueabihf": ("arm", True),
    "armv5-gnueabi": ("arm", False),
    "arm64-gnu": ("arm64", True),
}


@dataclass
class Built:
    """One target's compiled functions."""

    machine: Machine
    architecture: str
    hard_float: bool
    signatures: list[Signature]


@pytest.fixture(scope="module", params=TARGETS)
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    architecture, hard_float = TARGETS[request.param]
    cases = Cases(random.Random(2013), wide=architecture != "arm")
    signatures = [cases.signature() for _ in range(FUNCTIONS)] + [cases.variadic() for _ in range(VARIADIC)]
    file = tmp_path_factory.mktemp("calling") / "calling.c"
    file.write_text(source(cases, signatures))
    flags = ["-O1", "-w", "-ffreestanding", "-fno-builtin", "-fno-sanitize=all", "-fno-stack-protector"]
    library: Path = c_library(file, request.param, flags=[*flags, "-nostdlib", "-Wl,-Bsymbolic"])
    return Built(Machine(architecture, library), architecture, hard_float, signatures)


def test_callee_sees_arguments_and_result_comes_back(built: Built) -> None:
    values = random.Random(1)
    for number, signature in enumerate(built.signatures):
        plan = plan_call(
            built.architecture, signature.types, signature.result, built.hard_float, signature.fixed is not None
        )
        data = [random_bytes(values, type_) for type_ in signature.types]
        result = random_bytes(values, signature.result) if signature.result is not None else b""
        seen, returned = built.machine.call(f"callee{number}", plan, data, result)
        assert _pieces(seen, signature.types) == data, (number, signature)
        if signature.result is not None:
            assert without_padding(returned, signature.result) == result, (number, signature)


def test_host_function_sees_arguments_and_caller_gets_result(built: Built) -> None:
    values = random.Random(2)
    for number, signature in enumerate(built.signatures):
        plan = plan_call(
            built.architecture, signature.types, signature.result, built.hard_float, signature.fixed is not None
        )
        data = [random_bytes(values, type_) for type_ in signature.types]
        result = random_bytes(values, signature.result) if signature.result is not None else b""
        signed = isinstance(signature.result, Scalar) and signature.result.signed
        read, got = built.machine.be_called(f"caller{number}", plan, data, result, signed=signed)
        assert _pieces(b"".join(read), signature.types) == data, (number, signature)
        if signature.result is not None:
            assert without_padding(got, signature.result) == result, (number, signature)


def test_stack_pointer_is_aligned_and_red_zone_kept() -> None:
    plan = plan_call("amd64", (Scalar("long", 8),) * 9, None)
    assert plan.red_zone == 128
    assert plan.frame % 16 == 0


def test_wide_integers_do_not_exist_on_arm() -> None:
    with pytest.raises(ValueError, match="no type __int128"):
        plan_call("arm", (Scalar("__int128", 16),), None)


def _pieces(data: bytes, types: tuple[Type, ...]) -> list[bytes]:
    pieces, at = [], 0
    for type_ in types:
        pieces.append(without_padding(data[at : at + type_.size], type_))
        at += type_.size
    return pieces
