"""The formats of `emuload show`: an instruction log as lines to read, and in the formats of other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from emuload.errors import UsageError
from emuload.ilog.reader import Block, IlogFile
from emuload.report.instructions import LoggedCode
from emuload.report.steps import Step, Steps, Values

_MOST_BYTES = 32
"""Bytes of a memory write that are shown."""


@dataclass(frozen=True)
class Wanted:
    """Filters for the steps of the blocks from number `first` to before `last`; a step must pass all that are set.

    `function` is a glob that the function's name must match, or that of a call inlined there; `touched` are addresses
    that an instruction must have written to.
    """

    function: str | None = None
    thread: int | None = None
    addresses: range | None = None
    touched: range | None = None
    first: int = 0
    last: int = 1 << 64

    def block(self, block: Block) -> bool:
        """True if a block may hold such steps."""
        if self.thread is not None and block.tid != self.thread:
            return False
        return self.addresses is None or _overlap(self.addresses, block.address, block.size)

    def step(self, step: Step) -> bool:
        """True if a step passes."""
        if self.touched is not None and not any(_overlap(self.touched, at, len(data)) for at, data in step.writes):
            return False
        if step.line is None:
            return self.function is None
        if self.addresses is not None and step.line.instruction.address not in self.addresses:
            return False
        return self.function is None or any(fnmatchcase(frame.function, self.function) for frame in step.line.frames)


def _overlap(wanted: range, start: int, size: int) -> bool:
    return start < wanted.stop and wanted.start < start + size


Format = Callable[[IlogFile, Wanted], Iterator[str]]


def text(log: IlogFile, wanted: Wanted) -> Iterator[str]:
    """A line for each instruction: thread, address, bytes, disassembly, effects, function and source line.

    Changes by code that is not in the log have lines of their own.
    """
    if wanted.touched is not None and not log.has_writes:
        raise UsageError(f"{log.path}: --touched needs the memory writes: log them with --memory-writes")
    known = bool(log.registers) or log.has_writes
    for step in Steps(log, LoggedCode(log), wanted.first, wanted.last, wanted.block):
        yield from _elsewhere(log, wanted, step)
        if not step.block.size or not wanted.step(step):
            continue
        block = step.block
        did = _did(log, step.registers, step.writes) if known else None
        if step.line is not None:
            yield step.line.text(block.tid, did)
        else:
            yield f"{block.tid} {block.address:#x}  ({block.size} bytes of code that no file holds)  {did or ''}".rstrip()


def _elsewhere(log: IlogFile, wanted: Wanted, step: Step) -> Iterator[str]:
    """A line for the effects of code that is not in the log; none if functions or code addresses are selected."""
    if wanted.function is not None or wanted.addresses is not None:
        return
    touched = wanted.touched
    writes = [(at, data) for at, data in step.host if touched is None or _overlap(touched, at, len(data))]
    registers = step.elsewhere if touched is None else {}
    if registers or writes:
        yield f"{step.block.tid} (not logged)  {_did(log, registers, writes)}"


def _did(log: IlogFile, registers: dict[int, int], writes: list[tuple[int, bytes]]) -> str:
    names = log.registers
    shown = [f"{names[number]}={value:#x}" for number, value in sorted(registers.items()) if number < len(names)]
    return " ".join(shown + [f"[{address:#x}:{len(data)}]={_data(data)}" for address, data in writes])


def _data(data: bytes) -> str:
    """A value of up to eight bytes as a number, a longer one as its bytes."""
    if len(data) <= 8:
        return hex(int.from_bytes(data, "little"))
    return data[:_MOST_BYTES].hex() + ("…" if len(data) > _MOST_BYTES else "")


def execlog(log: IlogFile, wanted: Wanted) -> Iterator[str]:
    """Lines as QEMU's contrib/plugins/execlog.c writes them: cpu, address, opcode, disassembly, and stores if they are known.

    A cpu is a thread, numbered by first appearance. As in QEMU, the opcode is the instruction's first four bytes.
    """
    cpus: dict[int, int] = {}
    for step in Steps(log, LoggedCode(log), wanted.first, wanted.last, wanted.block):
        if step.line is None or not wanted.step(step):
            continue
        cpu = cpus.setdefault(step.block.tid, len(cpus))
        address, code, disassembly = step.line.instruction
        opcode = int.from_bytes(code[:4], "little")
        stores = "".join(f", store, {at:#010x}" for at, _ in step.writes)
        yield f'{cpu}, {address:#x}, {opcode:#x}, "{disassembly}"{stores}'


def tenet(log: IlogFile, wanted: Wanted) -> Iterator[str]:
    """Tenet's text trace (github.com/gaasedelen/tenet, tracers/README.md): before each instruction, the registers that
    changed since the line before, the program counter, and the memory that was written since. The flags are left out.

    Without a thread in the filter, all threads follow each other as on the one CPU; with one, only its own writes are there.
    Raises UsageError if the log lacks registers or memory writes.
    """
    if not log.registers or not log.has_writes:
        raise UsageError(
            f"{log.path}: --format tenet needs registers and memory writes: log them with --register-writes --memory-writes"
        )
    line = _TenetLine(log)
    end: tuple[int, Values] | None = None
    was_mine = False
    for step in Steps(log, LoggedCode(log), wanted.first, wanted.last, lambda block: True):
        line.values |= step.before
        if was_mine:
            line.writes += step.host
        if not step.block.size:
            break
        was_mine = wanted.thread in (None, step.block.tid)
        if was_mine:
            if step.line is not None and wanted.step(step):
                yield line.text(step.line.instruction.address)
            line.writes += step.writes
            end = (step.pc, dict(step.after)) if step.pc is not None else None
    if end is not None:
        pc, line.values = end
        yield line.text(pc)


class _TenetLine:
    """The content of the next line: values and writes since the last line."""

    def __init__(self, log: IlogFile) -> None:
        self._pc = log.header["pc"]
        left_out = (self._pc, log.header["flags"])
        self._names = {number: name for number, name in enumerate(log.registers) if name not in left_out}
        self._shown: Values = {}
        self.values: Values = {}
        self.writes: list[tuple[int, bytes]] = []

    def text(self, pc: int) -> str:
        """Return the line and start the next one."""
        changed = {n: value for n, value in sorted(self.values.items()) if n in self._names and self._shown.get(n) != value}
        parts = [f"{self._names[number]}={value:#x}" for number, value in changed.items()]
        parts.append(f"{self._pc}={pc:#x}")
        parts += [f"mw={address:#x}:{data.hex()}" for address, data in self.writes]
        self._shown |= changed
        self.values, self.writes = {}, []
        return ",".join(parts)


FORMATS: dict[str, Format] = {"text": text, "tenet": tenet, "execlog": execlog}
