"""A run that is stopped at arbitrary moments and goes on gives the trace of one that is not."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

import emuload
from emuload.process.process import Process
from tests.machine.hooks.test_block_log import Kept
from tests.support.running import stream
from tests.support.targets import GNU, arch_of
from tests.support.toolchain import go_library

TARGETS = GNU
WATCHED = 150
MOST_STOPS = 3000


class Left(Exception):
    """Raised to leave the scheduler in the middle of a slice."""


def session(target: str, process: Process, opened_too: Callable[[], None] = lambda: None) -> str:
    """A run with threads, goroutines and timers: all its events."""
    opened = process.dlopen(str(go_library("behaviour", target)))
    opened_too()
    pending = [process.thread().start(opened["add"], number, 1) for number in range(2)]
    assert [call.result() for call in pending] == [1, 2]
    opened.call("goroutines", 20)
    opened.call("ticker", 2, 3)
    process.exit()
    return stream(process)


def visited(target: str) -> list[int]:
    """Addresses of code of such a run: begins of blocks, and after each one in its midst."""
    process = emuload.Process(arch_of(target))
    kept = Kept()
    process.cpu.log_blocks(kept)
    session(target, process)
    process.cpu.drain_log()
    chosen = random.Random(target)
    found = sorted({(address, size) for address, size in kept.seen if address > 0 and size != 0xFFFF})
    addresses = []
    for address, size in chosen.sample(found, WATCHED):
        code = process.cpu.memory.read(address, size)
        steps = [n for n in range(0, size, 2) if process.cpu.instructions_in(code[:n], address)] if size > 2 else []
        addresses += [address, address + chosen.choice([0, *steps])]
    return addresses


def ask_to_stop(process: Process, everywhere: random.Random, stops: list[int]) -> Callable[[int], None]:
    """Ask to stop at some of the system calls that come, and at some hits of instructions that the result watches."""

    def stop(_: int) -> None:
        if len(stops) < MOST_STOPS and everywhere.random() < 0.5:
            stops.append(process.cpu.clock_bytes)
            process.cpu.request_stop()

    answer = process.cpu.handler

    def handler(pc: int, number: int, arguments: Sequence[int]) -> int | None:
        stop(pc)
        return answer(pc, number, arguments)

    process.cpu.handler = handler
    return stop


def leave_at_every_stop(process: Process) -> None:
    """Leave the scheduler at every stop, and enter it again."""

    def left() -> None:
        raise Left

    run = process.scheduler.run

    def again(until: Callable[[], bool]) -> None:
        while True:
            try:
                run(until)
                return
            except Left:
                continue

    process.scheduler.on_request = left
    process.scheduler.run = again  # type: ignore[method-assign]


@pytest.mark.parametrize("leaving", [False, True], ids=["going on", "leaving the scheduler"])
@pytest.mark.parametrize("target", TARGETS)
def test_stops_on_request_change_nothing(target: str, leaving: bool) -> None:
    plain = session(target, emuload.Process(arch_of(target)))
    process = emuload.Process(arch_of(target))
    stops: list[int] = []
    stop = ask_to_stop(process, random.Random(leaving), stops)
    addresses = visited(target)
    if leaving:
        leave_at_every_stop(process)

    def watch(chosen: Sequence[int]) -> None:
        for address in chosen:
            process.cpu.watch(address, stop)

    watch(addresses[::2])
    assert session(target, process, lambda: watch(addresses[1::2])) == plain
    assert len(stops) > 500
