"""The one narrow interface to an emulated CPU: run a slice, read and write registers, save and restore a thread.

One `Cpu` executes all guest threads, one at a time: the live registers belong to the thread that runs, the others' are
kept as `Context` bytes. Every stop comes back through `run` as a `Stop`; nothing else ends a slice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from emuload.machine import engine as uc
from emuload.machine.abi import Abi
from emuload.machine.contexts import Context, Contexts
from emuload.machine.hooks import cells as c
from emuload.machine.hooks.block_count import BlockCount
from emuload.machine.hooks.block_log import CAPACITY, Sink
from emuload.machine.hooks.cpu_log import CpuLog
from emuload.machine.hooks.effect_log import CAPACITY as LOG_BYTES
from emuload.machine.instruments import Instruments
from emuload.machine.memory import AddressSpace
from emuload.machine.monitor import find_monitor, without_reservation
from emuload.machine.signal_numbers import ILL_ILLOPC, SEGV_ACCERR, SEGV_MAPERR, SI_KERNEL, SIGILL, SIGSEGV
from emuload.machine.stops import Fault, Reason, Stop
from emuload.machine.watches import Watcher, WatchTable
from loader.memory import PROT_EXEC, PROT_READ

TrapHandler = Callable[[int, int, Sequence[int]], "int | None"]
"""(address of the trapping instruction, call number, six arguments) → value for the result register, or None to stop."""

_WRITES = {uc.MEM_WRITE_UNMAPPED, uc.MEM_WRITE_PROT}
_FETCHES = {uc.MEM_FETCH_UNMAPPED, uc.MEM_FETCH_PROT}


class Cpu(ABC):
    """An emulated CPU with its address space. Subclasses, one per architecture, know registers and conventions."""

    abi: Abi
    registers_shown: tuple[str, ...]
    """Names of the general registers in the order reports and signal frames use."""

    sp_name: str
    """The stack pointer's name."""

    pc_name: str
    flags_name: str
    """The program counter's and the flags register's."""

    _ids: dict[str, int]
    _pc: int
    _sp: int
    _tp: int
    _result: int

    def __init__(self, arch: int, mode: int, cpu_model: int | None, *, native_hooks: bool = True) -> None:
        self.engine = uc.Engine(arch, mode, cpu_model)
        self.memory = AddressSpace(self.engine, self.abi.map_low, self.abi.map_high, self.abi.map_top)
        self._cells = c.Cells()
        self._instruments = Instruments(self.engine, self._cells, self.memory, native_hooks)
        self.native = self._instruments.code is not None
        """True if the hooks are native code."""
        self._contexts = Contexts(self.engine)
        self.save = self._contexts.save
        self.restore = self._contexts.restore
        self.bytes_at_end = 0
        """The value of `clock_bytes` at the end of the slice's budget."""
        self.remaining: Sequence[int] = memoryview(self._cells).cast("B").cast("q")[c.REMAINING : c.REMAINING + 1]
        """One item: code bytes left of that budget."""
        self._ahead = 0
        self.handler: TrapHandler = self._no_handler
        self.ticks: Callable[[], int] = lambda: self.clock_bytes
        """The guest's time-stamp counter."""
        self.unused = 0
        """Code bytes left of the budget of a slice that a request stopped; below zero if code was running on to a jump."""
        self._watches = WatchTable()
        self._running = False
        self._renewed = False
        """A watch was put on the block that runs: the CPU leaves it, and goes on with a new translation."""
        self._stop: Stop | None = None
        self._error: BaseException | None = None
        self._watch_callback = uc.BLOCK_CALLBACK(self._on_watch)
        self._groups: dict[tuple[str, ...], uc.RegisterGroup] = {}
        self._shown = uc.RegisterGroup([self._ids[name] for name in self.registers_shown])
        self.engine.hook(uc.HOOK_MEM_INVALID, uc.MEMORY_CALLBACK(self._guard_memory))
        self.engine.hook(uc.HOOK_INSN_INVALID, uc.INVALID_CALLBACK(self._guard_invalid))
        self._install()
        load, base = self._exclusive_load(), self._ids[self.argument_registers()[1]]
        self._monitor = find_monitor(self.engine, self.memory, self._contexts, self._cells, load, base) if load else None
        self._fresh = self.save()

    # -- provided by an architecture -------------------------------------------------------------------------

    @abstractmethod
    def _install(self) -> None:
        """Install the architecture's hooks and bring the CPU into Linux user mode's state."""

    @abstractmethod
    def argument_registers(self) -> tuple[str, ...]:
        """Integer argument registers of the calling convention."""

    @abstractmethod
    def set_return_address(self, address: int) -> None:
        """Let the function about to be entered return to `address` (link register or a pushed word)."""

    @abstractmethod
    def stub_code(self) -> bytes:
        """A host stub: it traps to the host and then returns to its caller; at most 16 bytes, position independent."""

    @abstractmethod
    def sigreturn_code(self) -> bytes:
        """The instructions that call rt_sigreturn."""

    def _exclusive_load(self) -> bytes:
        """An exclusive load through the second argument register; empty where the architecture has none."""
        return b""

    @abstractmethod
    def read_float_register(self, index: int) -> bytes:
        """A register of the floating-point calling convention, its full width."""

    @abstractmethod
    def write_float_register(self, index: int, data: bytes) -> None:
        """Write a register of the floating-point calling convention; shorter data is padded with zeros."""

    @abstractmethod
    def fp_state(self) -> bytes:
        """Floating-point and vector registers in the layout of the architecture's signal frame."""

    @abstractmethod
    def set_fp_state(self, data: bytes) -> None:
        """Load what fp_state gave."""

    # -- registers ---------------------------------------------------------------------------------------------

    def register(self, name: str) -> int:
        """One register by its usual name."""
        return self.engine.read_register(self._ids[name])

    def set_register(self, name: str, value: int) -> None:
        """Write one register; the value is wrapped to the register's width."""
        self.engine.write_register(self._ids[name], value)

    def set_registers(self, names: tuple[str, ...], values: Sequence[int]) -> None:
        """Write several registers of up to 64 bits at once; values are wrapped."""
        group = self._groups.get(names)
        if group is None:
            group = self._groups[names] = uc.RegisterGroup([self._ids[name] for name in names])
        self.engine.write_group(group, values)

    def registers(self) -> dict[str, int]:
        """The general registers, in a fixed order."""
        return dict(zip(self.registers_shown, self.engine.read_group(self._shown), strict=True))

    @property
    def pc(self) -> int:
        """Address of the next instruction."""
        return self.engine.read_register(self._pc)

    @pc.setter
    def pc(self, value: int) -> None:
        self.engine.write_register(self._pc, value)

    @property
    def sp(self) -> int:
        """Stack pointer."""
        return self.engine.read_register(self._sp)

    @sp.setter
    def sp(self, value: int) -> None:
        self.engine.write_register(self._sp, value)

    @property
    def tp(self) -> int:
        """Thread pointer."""
        return self.engine.read_register(self._tp)

    @tp.setter
    def tp(self, value: int) -> None:
        self.engine.write_register(self._tp, value)

    def syscall_result(self, value: int) -> None:
        """Write the result register of a system call, wrapped to a word."""
        self.engine.write_register(self._result, value & self.abi.word_mask)

    def word_result(self) -> int:
        """The machine word that the function just left returned."""
        return self.engine.read_register(self._result) & self.abi.word_mask

    @abstractmethod
    def return_address(self) -> int:
        """The address to which the function that was just entered, or a host stub, will return."""

    def enter(self, pc: int) -> None:
        """Go on at `pc`, whose bit 0 may select an instruction set."""
        self.pc = pc

    def code_address(self, pc: int) -> int:
        """Address of the instruction at which `enter(pc)` goes on."""
        return pc

    # -- threads -----------------------------------------------------------------------------------------------

    def fresh_context(self) -> Context:
        """The registers of a thread that has not run: all zero, user mode."""
        return self._fresh

    def child_context(self, sp: int, tp: int | None) -> Context:
        """A copy of the live thread as clone(2) makes it: result 0, stack `sp` (0: the same), thread pointer `tp`."""
        parent = self.save()
        self.syscall_result(0)
        if sp:
            self.sp = sp
        if tp is not None:
            self.tp = tp
        child = self.save()
        self.restore(parent)
        return child

    def switch_out(self) -> Context:
        """save(), for a thread that gives way to another: its exclusive reservation is lost (see `monitor`)."""
        context = self.save()
        return context if self._monitor is None else without_reservation(context, self._monitor)

    def map_kernel_pages(self) -> None:
        """Pages the kernel shows every process: here the one with the signal trampoline."""
        trampoline = self.abi.sigreturn_trampoline
        self.memory.mmap_kernel(trampoline, 4096, PROT_READ | PROT_EXEC, "[vdso]")
        self.memory.write(trampoline, self.sigreturn_code())

    # -- running -----------------------------------------------------------------------------------------------

    @property
    def clock_bytes(self) -> int:
        """Code bytes executed so far, exact also inside a handler."""
        return self.bytes_at_end - self.remaining[0]

    def run(self, budget: int) -> Stop:
        """Run the live thread until `budget` code bytes are used, and on to the next jump, or until something needs the host.

        Raises whatever a trap handler raised.
        """
        cells = self._cells
        cells[c.REMAINING] = budget
        self.bytes_at_end += budget
        cells[c.STOPPED] = 0
        self._stop = None
        self._instruments.begin()
        self._running = True
        error = self._start()
        while cells[c.STOPPED] == c.LOG_FULL or (self._renewed and self._stop is None and self._error is None):
            error = self._drained_start() if cells[c.STOPPED] else self._renewed_start()
        self._running = self._renewed = False
        if not cells[c.STOPPED] and (self._stop is None or self._stop.reason is not Reason.TRAP):
            self._instruments.left(self.pc)
        self.unused = cells[c.REMAINING]
        if self._stop is not None and self._stop.reason is Reason.REQUEST and not cells[c.STOPPED]:
            cells[c.END] = self.pc  # what is left of the block is not a jump's target: the slice may run on into it
        self.bytes_at_end -= cells[c.REMAINING]
        cells[c.REMAINING] = 0
        miscounted = self._instruments.end(None if cells[c.STOPPED] else self.pc)
        self._error = self._error or miscounted
        if self._error is not None:
            raised, self._error = self._error, None
            raise raised
        if self._stop is not None:
            if self._stop.fault is not None and self._stop.fault.code == SEGV_ACCERR:
                self.engine.forget_translations()  # Unicorn has made an entry for the page, with which a second read would pass
            return self._stop
        if cells[c.STOPPED]:
            return Stop(Reason.BUDGET)
        return Stop(Reason.FAULT, self._unexplained(error))

    def _drained_start(self) -> int:
        """Go on where a buffer of the log was full."""
        self._instruments.drained(self.clock_bytes)
        self._cells[c.STOPPED] = 0
        return self._start()

    def _renewed_start(self) -> int:
        """Go on in the middle of a block that has to be translated again."""
        self._renewed = False
        self._instruments.renewed(self.pc)
        return self._start()

    # -- logs and counts: to be asked for before any code has run -----------------------------------------------

    @property
    def log(self) -> CpuLog | None:
        """The log that `log_blocks` began."""
        return self._instruments.log

    @property
    def block_count(self) -> BlockCount | None:
        """The count that `count_instructions` began."""
        return self._instruments.count

    def log_blocks(self, sink: Sink, capacity: int = CAPACITY) -> CpuLog:
        """Hand every block of code that runs to `sink`, in bulk; further logs are added to this one."""
        assert self.clock_bytes == 0
        return self._instruments.log_blocks(sink, capacity)

    def log_registers(self, capacity: int = LOG_BYTES) -> tuple[str, ...]:
        """After `log_blocks`: the general registers too, as they change, instruction by instruction. Returns their names."""
        names = self.registers_logged()
        ids = [self._ids[name] for name in names]
        self._instruments.log_registers(ids, self._pc, self._watch_callback, capacity)
        return names

    def log_writes(self, capacity: int = LOG_BYTES) -> None:
        """After `log_blocks`: writes to memory too."""
        self._instruments.log_writes(self._pc, capacity)

    def registers_logged(self) -> tuple[str, ...]:
        """The general registers without the program counter, which the blocks have."""
        return tuple(name for name in self.registers_shown if name != self.pc_name)

    def choose_log(self, ranges: Sequence[range] | None) -> None:
        """From the next instruction on, log the blocks that overlap these ranges (in order and apart); None: all blocks."""
        assert self.log is not None
        self.log.choose(ranges, self._cells[c.END] - self._ahead if self._ahead else None)

    def drain_log(self) -> None:
        """Hand on what the log has collected; the CPU is stopped."""
        assert self.log is not None
        self.log.drain(self.clock_bytes)

    def count_instructions(self) -> BlockCount:
        """Count every instruction from now on; to be called once, before any code has run."""
        assert self.clock_bytes == 0
        return self._instruments.count_instructions(lambda code, address: self.instructions_in(code, address))

    @abstractmethod
    def instructions_in(self, code: bytes, address: int) -> int:
        """The number of instructions in `code`, which is about to run at `address`."""

    def _start(self) -> int:
        return self.engine.start(self.pc, self.abi.word_mask)

    def _unexplained(self, error: int) -> Fault:
        """The fault that ended an emulation in which no hook was called."""
        return Fault(SIGSEGV, SI_KERNEL, 0, 13, 0, f"emulation stopped (Unicorn error {error})")

    def request_stop(self) -> None:
        """End the slice at the next instruction or block; `run` returns Reason.REQUEST. For use inside handlers.

        A next `run` with `unused` as its budget makes the slice what it would have been.
        """
        if self._stop is None:
            self._stop = Stop(Reason.REQUEST)
        self.engine.stop()

    def watch(self, address: int, watcher: Watcher) -> None:
        """Call `watcher(address)` each time the instruction at `address` is about to run, after those added before it.

        Code that was translated before is translated again, the block that runs included.
        """
        if not self._watches.add(address, watcher):
            return
        if self._instruments.watch(address):
            return
        self.engine.add_hook(uc.HOOK_CODE, self._watch_callback, address, address, 0)
        if self.memory.region_at(address) is not None:
            self.engine.forget_code(address, address + 1)
        if self._running and self._cells[c.START] <= address < self._cells[c.END]:
            self._renewed = True
            self.engine.stop()

    # -- hooks: nothing may be raised through Unicorn -----------------------------------------------------------

    def _halt(self, stop: Stop) -> None:
        self._stop = stop
        self.engine.stop()

    def _fail(self, error: BaseException) -> None:
        self._error = error
        self.engine.stop()

    def _stand_at(self, pc: int) -> None:
        """Correct the clock in mid-block: the block hook charged the whole block; take back the bytes from `pc` on."""
        self._ahead = self._cells[c.END] - pc
        self.bytes_at_end -= self._ahead

    def _go_on(self) -> None:
        """Charge them again: the handler has returned, and the rest of the block runs."""
        self.bytes_at_end += self._ahead
        self._ahead = 0

    def _on_watch(self, _: int, address: int, size: int, user: int) -> None:
        self._stand_at(address)
        try:
            self._watches.hit(address, self.clock_bytes)
        except BaseException as error:
            self._fail(error)
        if self._stop is not None or self._renewed:
            self._watches.stopped(address, self.clock_bytes)
        self._go_on()

    def _guard_memory(self, _: int, kind: int, address: int, size: int, value: int, user: int) -> bool:
        try:
            if self._stop is not None and self._stop.reason is Reason.FAULT:
                return False  # the rest of an access that crosses pages, which Unicorn makes byte by byte
            if self.log is not None and self.log.writes is not None and kind in _WRITES:
                self.log.writes.failed(address)
            self._stop = Stop(Reason.FAULT, self._memory_fault(kind, address & 0xFFFFFFFFFFFFFFFF))
        except BaseException as error:
            self._fail(error)
        return False

    def _guard_invalid(self, _: int, user: int) -> bool:
        try:
            return self._on_invalid()
        except BaseException as error:
            self._fail(error)
            return False

    def _memory_fault(self, kind: int, address: int) -> Fault:
        what = "execute" if kind in _FETCHES else "write" if kind in _WRITES else "read"
        mapped = self.memory.region_at(address) is not None
        code = SEGV_ACCERR if mapped else SEGV_MAPERR
        return Fault(SIGSEGV, code, address, *self._memory_error(kind, mapped), f"cannot {what} {address:#x}")

    def data_fault(self, address: int, access: str) -> Fault:
        """The fault of a "read" or "write" of `address` by the guest."""
        return self._memory_fault(uc.MEM_WRITE_UNMAPPED if access == "write" else uc.MEM_READ_UNMAPPED, address)

    def _memory_error(self, kind: int, mapped: bool) -> tuple[int, int]:
        """Trap number and error code that the architecture's signal context carries for a memory fault."""
        return 0, 0

    def _on_invalid(self) -> bool:
        self._stop = Stop(Reason.FAULT, Fault(SIGILL, ILL_ILLOPC, self.pc, 6, 0, "illegal instruction"))
        return False

    def _trap(self, pc: int, number: int, arguments: Sequence[int]) -> int | None:
        """Ask the handler; None when the slice must stop."""
        try:
            result = self.handler(pc, number, arguments)
        except BaseException as error:
            self._fail(error)
            return None
        if result is None:
            self._halt(Stop(Reason.TRAP))
        return result

    @staticmethod
    def _no_handler(pc: int, number: int, arguments: Sequence[int]) -> int | None:
        raise AssertionError("a trap without a handler")
