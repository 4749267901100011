"""An instruction log as steps: each instruction with its effects, as far as the log holds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from emuload.ilog import format as f
from emuload.ilog.reader import Block, Effects, IlogFile
from emuload.report.instructions import Line, LoggedCode

Values = dict[int, int]
"""Registers' values, by their numbers in the log."""


@dataclass(slots=True)
class Step:
    """One instruction that ran in a block. `line` is None for a block whose code is not known, and for the log's last block,
    which has no size.

    before       registers that changed since the last step of any thread, with their values before this one
    registers    registers that it changed; `writes`: memory that it wrote
    elsewhere    registers that changed since this thread's last step by code that is not in the log
    host         memory that the host wrote for the guest since that step
    pc           where the CPU stopped after it
    """

    block: Block
    line: Line | None
    before: Values
    elsewhere: Values
    host: list[tuple[int, bytes]]
    writes: list[tuple[int, bytes]] = field(default_factory=list)
    registers: Values = field(default_factory=dict)
    after: Values = field(default_factory=dict)
    pc: int | None = None


class Steps:
    """The steps of a log's blocks from `first` to before `last`, without blocks that are not wanted.

    Raises IlogError, UsageError.
    """

    def __init__(self, log: IlogFile, code: LoggedCode, first: int, last: int, wanted: Callable[[Block], bool]) -> None:
        self._log = log
        self._code = code
        self._first = first
        self._last = last
        self._wanted = wanted
        names = log.registers
        self._pc = names.index(log.header["pc"]) if log.header.get("pc") in names else None
        self._now: Values = {}
        self._of_thread: dict[int, Values] = {}
        self._tid = 0

    def __iter__(self) -> Iterator[Step]:
        pending: Step | None = None
        host: list[tuple[int, bytes]] = []
        before: Values = {}
        for block, effects in self._log.effects(self._log.stretch_of(self._first)):
            if block.number >= self._last and block.size:
                break
            changed, pc = _by_offset(effects, block.size)
            start = changed.pop(0, {})
            if pending is not None:
                if effects.linked:
                    pending.registers |= self._shown(start)
                yield pending
                pending = None
            elsewhere = self._begin(block, effects, start)
            before |= start
            host += effects.host
            if block.number < self._first or (block.size and not self._wanted(block)):
                for values in changed.values():
                    before |= values
                    self._now |= values
                if block.number < self._first:
                    host = []
                continue
            for step in self._in_block(block, effects, changed, Step(block, None, before, elsewhere, host)):
                if pending is not None:
                    yield pending
                pending = step
            assert pending is not None
            pending.pc = pc
            before, host = dict(pending.after), []
        if pending is not None:
            yield pending

    def _shown(self, values: Values) -> Values:
        """The values without the program counter."""
        return {number: value for number, value in values.items() if number != self._pc}

    def _begin(self, block: Block, effects: Effects, start: Values) -> Values:
        """Take in the registers at a block's start; return those that changed since the thread's last step by unlogged code."""
        if effects.linked or not block.size:
            self._now |= start
            return {}
        self._of_thread[self._tid] = dict(self._now)
        self._tid = block.tid
        self._now |= start
        known = self._of_thread.get(block.tid, {})
        return self._shown({number: value for number, value in self._now.items() if known.get(number, value) != value})

    def _in_block(self, block: Block, effects: Effects, changed: dict[int, Values], first: Step) -> Iterator[Step]:
        """The block's steps; `first` has the state before it, and is the only step of a block whose code is not known."""
        writes: dict[int, list[tuple[int, bytes]]] = {}
        for write in effects.writes:
            writes.setdefault(write.offset, []).append((write.address, write.data))
        step = first
        for line in self._code.lines(block) if block.size else ():
            offset = line.instruction.address - block.address
            values = changed.pop(offset, {})
            if step.line is not None:
                if self._pc is not None and self._pc not in values:
                    continue  # a Thumb instruction whose condition failed
                step.registers |= self._shown(values)
                self._now |= values
                yield step
                step = Step(block, None, values, {}, [])
            step.line = line
            step.writes = writes.pop(offset, [])
        for values in changed.values():
            step.registers |= self._shown(values)
            step.after |= values
            self._now |= values
        for rest in writes.values():
            step.writes += rest
        yield step


def _by_offset(effects: Effects, size: int) -> tuple[dict[int, Values], int | None]:
    """A block's register values by offset, those after it under the offset AFTER; and the pc where the CPU stopped."""
    changed: dict[int, Values] = {}
    pc = None
    for offset, register, value in effects.registers:
        if register == f.STOPPED:
            pc = value
        else:
            changed.setdefault(offset if offset < size else f.AFTER, {})[register] = value
    return changed, pc
