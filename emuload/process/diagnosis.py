"""Reports of runs that did not end well: each thread's place, what it waits for, and who holds that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from emuload.errors import INTERRUPTED, Frame, Report, ThreadReport
from emuload.golang.waits import export_wait, init_place
from emuload.kernel.task import Task
from emuload.machine.signal_numbers import SIGBUS, SIGSEGV
from emuload.process.scheduler import Scheduler
from emuload.unwind import LoadedObject, Unwinder, describe
from loader.objects import LinkedObject

OUTPUT_TAIL = 4096
"""Bytes of each output stream that a report shows."""

_SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
    24: "SIGXCPU", 26: "SIGVTALRM", 27: "SIGPROF", 29: "SIGIO", 31: "SIGSYS",
}  # fmt: skip


def signal_name(signo: int) -> str:
    """SIGSEGV for 11; `signal N` for one without a name here."""
    return _SIGNALS.get(signo, f"signal {signo}")


class Unloaded:
    """An object that is not in the link map any more, for frames in it."""

    is_builtin = False

    def __init__(self, loaded: LinkedObject) -> None:
        self.elf = loaded.elf
        self.bias = loaded.bias
        self.path = f"{loaded.path}, unloaded"
        self._span = range(loaded.start, loaded.end)

    def contains(self, address: int) -> bool:
        """True for an address between the first and the last segment."""
        return address in self._span


class Diagnosis:
    """Looks at a stopped guest: reports, stacks, names of addresses.

    `objects` gives the objects in the link map, `unloaded` are those that were there, by address; `under_way` are the host's
    calls by tid, whose threads are shown beside one that was killed.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        objects: Callable[[], Sequence[LinkedObject]],
        unloaded: Mapping[int, LinkedObject],
        under_way: Mapping[int, Sequence[object]],
    ) -> None:
        self._scheduler = scheduler
        self._cpu = scheduler.cpu
        self._kernel = scheduler.kernel
        self._objects = objects
        self._unloaded = unloaded
        self._under_way = under_way
        self._unwinder = Unwinder()

    # -- reports -----------------------------------------------------------------------------------------------

    def deadlock(self) -> Report:
        """Every thread waits for something that can no longer come."""
        threads = [self.thread(task) for task in self._kernel.living]
        waiting = sum(1 for each in threads if each.waits_for)
        who = f"all {waiting} threads wait" if waiting > 1 else "the only thread waits"
        return self._report(f"deadlock: {who} for something that can no longer come", "deadlock", 0, threads)

    def bound(self, which: str) -> Report:
        """A bound was reached; `which` describes it."""
        last = self._scheduler.last
        threads = [self.thread(task) for task in self._kernel.living]
        return self._report(f"a bound was reached: {which}", "bound", last.tid if last is not None else 0, threads)

    def interrupted(self, how: str = INTERRUPTED) -> Report:
        """The guest between two slices, whose run was `how` after its time."""
        last, recorder = self._scheduler.last, self._kernel.events
        threads = [self.thread(task) for task in self._kernel.living]
        headline = f"{how} after {self._scheduler.clock.now() / 1e6:.1f} ms of virtual time"
        report = self._report(headline, INTERRUPTED, last.tid if last is not None else 0, threads)
        count, tids = len(recorder), len(recorder.tids - {0})
        if count:
            report.recorded = f"recorded: {count} events of {tids} thread{'s' if tids != 1 else ''}"
        return report

    def failure(self, headline: str, reason: str, task: Task) -> Report:
        """A thread did something that has no answer; see `Report` for the texts."""
        return self._report(headline, reason, task.tid, [self.thread(task)])

    def ended(self) -> Report:
        """The process ended during a call."""
        kernel = self._kernel
        death = kernel.death
        if death is None:
            return self._report(f"the guest exited with status {kernel.exit_status} during a call", "exit", 0, [])
        task = kernel.tasks[death.tid]
        info = death.info
        where = self.describe_address(death.pc)
        headline = f"thread {death.tid} was killed by {signal_name(info.signo)} at {where}"
        if info.signo in (SIGBUS, SIGSEGV) and info.code > 0:
            headline += f", address {info.address:#x}"
        seen = ThreadReport(task.tid, task.role, "killed", registers=dict(death.registers))
        seen.frames = self.frames(death.registers)
        witnesses = [tid for tid, calls in self._under_way.items() if calls]
        others = [self.thread(t) for t in kernel.tasks.values() if t.tid != death.tid and t.tid in witnesses]
        return self._report(headline, "signal", death.tid, [seen, *others])

    def _report(self, headline: str, reason: str, tid: int, threads: list[ThreadReport]) -> Report:
        output = self._kernel.fs.output
        tail = (output.of(1)[-OUTPUT_TAIL:] + output.of(2)[-OUTPUT_TAIL:]).decode("utf-8", "backslashreplace")
        return Report(headline, reason, tid, self._scheduler.clock.now(), threads, tail)

    # -- one thread --------------------------------------------------------------------------------------------

    def thread(self, task: Task) -> ThreadReport:
        """The present state of one thread."""
        registers = self.registers_of(task)
        state = "exited" if task.exited else "waiting" if task.wait is not None else "runnable"
        report = ThreadReport(task.tid, task.role, state, registers=registers)
        if task.wait is not None:
            report.waits_for, report.holder = self.wait_of(task)
        report.frames = self.frames(registers)
        return report

    def wait_of(self, task: Task) -> tuple[str, int]:
        """A waiting thread's reason in words, and the tid of the thread that could end the wait (0: nobody or unknown)."""
        assert task.wait is not None
        events = self._kernel.events.events
        go = export_wait(events, task.tid)
        if go is not None:
            return go.what, go.holder
        place = init_place(events, task.tid)
        note = task.blocked_on
        if note is None:
            return (task.wait.what or task.wait.kind) + place, 0
        kind, address, holder = note
        return f"{kind} {self.describe_data(address)}{place}", holder

    def registers_of(self, task: Task) -> dict[str, int]:
        """A thread's registers, whether it is on the CPU or not. The CPU must be stopped."""
        cpu = self._cpu
        if self._scheduler.loaded is task:
            return cpu.registers()
        live = cpu.save()
        cpu.restore(task.context)
        registers = cpu.registers()
        cpu.restore(live)
        return registers

    def frames(self, registers: Mapping[str, int]) -> list[Frame]:
        """The stack behind a set of registers, innermost frame first."""
        cpu = self._cpu
        found = self._unwinder.frames(registers, cpu.memory, cpu.abi, self._all_objects())
        return [Frame(f.pc, f.function, f.object, f.file, f.line, f.kind) for f in found]

    # -- addresses ---------------------------------------------------------------------------------------------

    def describe_address(self, address: int) -> str:
        """A code address as `function+offset (object)`."""
        return describe(address, self._all_objects())

    def _all_objects(self) -> list[LoadedObject]:
        """The objects in the link map, then those that were at addresses where nothing is mapped now."""
        region_at = self._cpu.memory.region_at
        gone = [Unloaded(each) for start, each in self._unloaded.items() if region_at(start) is None]
        return [*self._objects(), *gone]

    def describe_data(self, address: int) -> str:
        """A data address by the symbol around it, else by the object, else in hexadecimal."""
        found = next((loaded for loaded in self._objects() if loaded.contains(address)), None)
        if found is None:
            return f"{address:#x}"
        if address == found.start:
            return found.path
        for symbol in found.exports():
            start = found.bias + symbol.value
            if symbol.size and start <= address < start + symbol.size:
                return f"{symbol.text} ({address:#x})"
        name = self._unwinder.data_name(found, address)
        if name:
            return f"{name} ({address:#x})"
        return f"{address:#x} in {found.path}"
