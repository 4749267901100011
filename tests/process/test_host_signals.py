"""Signals of the host come between two slices: a KeyboardInterrupt with the report, and a guest that can go on."""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

import emuload
from emuload.process.host_signals import HOST_SIGNALS
from emuload.process.process import Process
from tests.support.running import stream
from tests.support.targets import GNU, arch_of
from tests.support.toolchain import go_library

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no signals to send")


def interrupted_calls(process: Process, path: str, before_calls: Callable[[Process], None]) -> str:
    """A run with threads, goroutines and timers; a call that is interrupted is waited for again."""

    opened = process.dlopen(path)
    calls = [("goroutines", 50), ("ticker", 2, 3), ("gc_load", 5)]
    functions = {name: opened[str(name)] for name, *_ in calls}
    before_calls(process)
    for name, *args in calls:
        pending = process.main.start(functions[name], *args)
        while not pending.done or process.events[-1].kind != "call-result":
            with suppress(emuload.Interrupted):
                pending.result()
    return stream(process)


@pytest.mark.parametrize("target", GNU)
def test_interrupts_at_any_moment_change_nothing(target: str) -> None:
    path = str(go_library("behaviour", target))
    plain = interrupted_calls(emuload.Process(arch_of(target)), path, lambda process: None)
    moments = random.Random(target)
    sent: list[int] = []

    def hostile(process: Process) -> None:
        answer = process.cpu.handler

        def handler(pc: int, number: int, arguments: object) -> int | None:
            if moments.random() < 0.05 and len(sent) < 200 and not HOST_SIGNALS.asked:
                sent.append(number)
                signal.raise_signal(signal.SIGINT)  # in the midst of a hook
            return answer(pc, number, arguments)  # type: ignore[arg-type]

        process.cpu.handler = handler

    assert interrupted_calls(emuload.Process(arch_of(target)), path, hostile) == plain
    assert len(sent) > 20


@contextmanager
def handler_of(number: int, handler: Callable[..., object]) -> Iterator[None]:
    before = signal.signal(number, handler)
    try:
        yield
    finally:
        signal.signal(number, before)


def started(record: bool = True) -> Process:
    process = emuload.Process("amd64", record=record)
    process.start()
    return process


def at_slice(process: Process, number: int, action: Callable[[], object]) -> None:
    """Do something in the midst of the `number`th slice from now on."""
    run, count = process.cpu.run, [0]

    def counting(budget: int) -> object:
        count[0] += 1
        if count[0] == number:
            action()
        return run(budget)

    process.cpu.run = counting  # type: ignore[assignment,method-assign]


def test_a_handler_of_the_hosts_own_is_called_between_slices() -> None:
    process, seen = started(), list[int]()

    def stop(number: int, frame: object) -> None:
        assert not process.cpu._running
        seen.append(number)
        raise TimeoutError

    opened = process.dlopen(str(go_library("behaviour", "amd64-gnu")))
    with handler_of(signal.SIGALRM, stop):
        before = signal.getsignal(signal.SIGALRM)
        at_slice(process, 2, lambda: signal.raise_signal(signal.SIGALRM))
        with pytest.raises(TimeoutError):
            opened.call("goroutines", 1000)
        assert signal.getsignal(signal.SIGALRM) is before
    assert seen == [signal.SIGALRM]


def test_an_interrupt_in_the_last_slice_is_not_lost() -> None:
    process = started()
    at_slice(process, 1, lambda: signal.raise_signal(signal.SIGINT))
    with pytest.raises(emuload.Interrupted, match=r"interrupted after \d+\.\d ms of virtual time") as caught:
        process.main.call(process.linker.libc_function("getpid"))
    assert caught.value.exit_status == 130
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_a_second_interrupt_comes_at_once() -> None:
    process = started()

    def twice() -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("too late")

    at_slice(process, 1, twice)
    with pytest.raises(KeyboardInterrupt):
        process.main.call(process.linker.libc_function("getpid"))
    assert not HOST_SIGNALS.asked


def test_another_thread_leaves_signals_alone() -> None:
    process, seen = started(), list[object]()
    at_slice(process, 1, lambda: seen.append(signal.getsignal(signal.SIGINT)))
    thread = threading.Thread(target=lambda: process.main.call(process.linker.libc_function("getpid")))
    thread.start()
    thread.join()
    assert seen == [signal.default_int_handler]


def test_a_signal_that_is_ignored_stays_ignored() -> None:
    process = started()
    with handler_of(signal.SIGINT, signal.SIG_IGN):  # type: ignore[arg-type]
        at_slice(process, 1, lambda: os.kill(os.getpid(), signal.SIGINT))
        assert process.main.call(process.linker.libc_function("getpid")) > 0


def test_sigquit_prints_where_every_thread_is(capsys: pytest.CaptureFixture[str]) -> None:
    process = started()
    at_slice(process, 1, lambda: signal.raise_signal(signal.SIGQUIT))
    assert process.main.call(process.linker.libc_function("getpid")) > 0
    assert "thread 1000 (loader)" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGQUIT) is signal.SIG_DFL
