"""The hooks of each host: which file it maps, and Python where it maps none."""

from __future__ import annotations

import ctypes
import mmap
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from emuload.machine import create_cpu
from emuload.machine.hooks import native
from tests.machine.hooks.host_code import CONVENTIONS, built


@pytest.mark.parametrize(
    ("platform", "machine", "convention"),
    [
        ("linux", "x86_64", "x86_64-sysv"),
        ("linux", "aarch64", "aarch64"),
        ("linux", "riscv64", None),
        ("darwin", "x86_64", "x86_64-sysv"),
        ("darwin", "arm64", None),
        ("win32", "AMD64", "x86_64-windows"),
        ("win32", "ARM64", "aarch64"),
    ],
)
def test_a_host_has_the_hooks_of_its_calling_convention(
    platform: str, machine: str, convention: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    if platform == "win32":
        monkeypatch.delattr(os, "uname", raising=False)
        monkeypatch.setenv("PROCESSOR_ARCHITECTURE", machine)
    else:
        monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(machine=machine), raising=False)
    assert native.convention() == convention


def test_hooks_are_in_the_file_one_after_the_other() -> None:
    for convention in CONVENTIONS:
        places = [native.offsets(built(convention))[name] for name in native.HOOKS]
        assert places == sorted(set(places))
        assert places[-1] < len(built(convention))


@pytest.mark.parametrize("error", [PermissionError, OSError, FileNotFoundError])
def test_a_host_that_forbids_executable_memory_has_the_python_hooks(
    error: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **named: object) -> None:
        raise error

    monkeypatch.setattr(mmap, "mmap", refuse)
    assert native.native_code.__wrapped__() is None


def test_the_hooks_are_mapped_once(monkeypatch: pytest.MonkeyPatch) -> None:
    assert native.native_code() is native.native_code()
    if native.convention() is not None:
        assert create_cpu("amd64").native
    assert not create_cpu("amd64", native_hooks=False).native


def test_windows_gets_a_copy_that_may_run_and_not_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = ctypes.create_string_buffer(4096)
    calls: list[tuple[object, ...]] = []

    def function(name: str, result: int) -> Any:
        def call(*arguments: Any) -> int:
            calls.append((name, *(getattr(each, "value", each) for each in arguments)))
            return result

        return call

    base = ctypes.addressof(memory)
    kernel32 = SimpleNamespace(
        VirtualAlloc=function("VirtualAlloc", base),
        VirtualProtect=function("VirtualProtect", 1),
        GetCurrentProcess=function("GetCurrentProcess", -1),
        FlushInstructionCache=function("FlushInstructionCache", 1),
    )
    monkeypatch.setattr(ctypes, "WinDLL", lambda name, use_last_error: kernel32, raising=False)
    monkeypatch.setattr(sys, "platform", "win32")
    data = built("x86_64-windows")
    code = native.NativeCode(str(Path(native.BUILT) / "x86_64-windows.bin"))
    assert ctypes.string_at(base, len(data)) == data
    assert code.address("step") == base + native.offsets(data)["step"]
    assert [name for name, *_ in calls] == ["VirtualAlloc", "VirtualProtect", "GetCurrentProcess", "FlushInstructionCache"]
    assert calls[0][2:] == (len(data), 0x3000, 4)
    assert calls[1][1:4] == (base, len(data), 0x20)
