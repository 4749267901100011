"""Reports of runs that did not end well: which thread, where, what it waits for and who holds that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emuload.errors import Frame, Report, ThreadReport
from emuload.kernel.task import Task

if TYPE_CHECKING:
    from emuload.process.process import Process

OUTPUT_TAIL = 4096
_SIGNALS = {
    1: "SIGHUP", 2: "SIGINT", 3: "SIGQUIT", 4: "SIGILL", 5: "SIGTRAP", 6: "SIGABRT", 7: "SIGBUS", 8: "SIGFPE",
    9: "SIGKILL", 10: "SIGUSR1", 11: "SIGSEGV", 12: "SIGUSR2", 13: "SIGPIPE", 14: "SIGALRM", 15: "SIGTERM",
    24: "SIGXCPU", 26: "SIGVTALRM", 27: "SIGPROF", 29: "SIGIO", 31: "SIGSYS",
}  # fmt: skip


def signal_name(signo: int) -> str:
    """SIGSEGV for 11; `signal N` for one without a name here."""
    return _SIGNALS.get(signo, f"signal {signo}")


def deadlock(process: Process) -> Report:
    """Every thread waits for something that can no longer come."""
    threads = [thread(process, task) for task in process.kernel.living]
    waiting = sum(1 for t in threads if t.waits_for)
    who = f"all {waiting} threads wait" if waiting > 1 else "the only thread waits"
    return _report(process, f"deadlock: {who} for something that can no longer come", "deadlock", 0, threads)


def bound(process: Process, what: str) -> Report:
    """A bound was reached."""
    tid = process.scheduler.last.tid if process.scheduler.last is not None else 0
    threads = [thread(process, t) for t in process.kernel.living]
    return _report(process, f"a bound was reached: {what}", "bound", tid, threads)


def failure(process: Process, headline: str, reason: str, task: Task) -> Report:
    """The guest did something that cannot go on."""
    return _report(process, headline, reason, task.tid, [thread(process, task)])


def ended(process: Process) -> Report:
    """The process is over while a call was under way."""
    kernel = process.kernel
    death = kernel.death
    if death is None:
        return _report(process, f"the guest exited with status {kernel.exit_status} during a call", "exit", 0, [])
    task = kernel.tasks[death.tid]
    info = death.info
    where = process.describe_address(death.pc)
    headline = f"thread {death.tid} was killed by {signal_name(info.signo)} at {where}"
    if info.signo in (7, 11) and info.code > 0:
        headline += f", address {info.address:#x}"
    seen = ThreadReport(task.tid, task.role, "killed", registers=dict(death.registers))
    seen.frames = frames(process, death.registers)
    witnesses = death_witnesses(process)
    others = [thread(process, t) for t in kernel.tasks.values() if t.tid != death.tid and t.tid in witnesses]
    return _report(process, headline, "signal", death.tid, [seen, *others])


def death_witnesses(process: Process) -> list[int]:
    """Threads shown beside the one that died: those with calls of the host under way."""
    return [tid for tid, calls in process.calls.items() if calls]


def _report(process: Process, headline: str, reason: str, tid: int, threads: list[ThreadReport]) -> Report:
    tail = (process.stdout[-OUTPUT_TAIL:] + process.stderr[-OUTPUT_TAIL:]).decode("utf-8", "backslashreplace")
    return Report(headline, reason, tid, process.clock.now(), threads, tail)


def thread(process: Process, task: Task) -> ThreadReport:
    """One thread as it stands."""
    registers = registers_of(process, task)
    state = "exited" if task.exited else "waiting" if task.wait is not None else "runnable"
    report = ThreadReport(task.tid, task.role, state, registers=registers)
    if task.wait is not None:
        report.waits_for, report.holder = wait_of(process, task)
    report.frames = frames(process, registers)
    return report


def wait_of(process: Process, task: Task) -> tuple[str, int]:
    """What a thread waits for, in words, and the tid of the thread that holds it (0: nobody or unknown)."""
    from emuload.golang.waits import export_wait, package_init

    assert task.wait is not None
    go = export_wait(process.events, task.tid)
    if go is not None:
        return go.what, go.holder
    package = package_init(process.events, task.tid)
    place = f", in the init of package {package}" if package is not None else ""
    note = task.blocked_on
    if note is None:
        return (task.wait.what or task.wait.kind) + place, 0
    kind, address, holder = note
    return f"{kind} {process.describe_data(address)}{place}", holder


def registers_of(process: Process, task: Task) -> dict[str, int]:
    """A thread's registers, whether it is on the CPU or put away."""
    scheduler = process.scheduler
    if scheduler.loaded is task:
        return process.cpu.registers()
    live = process.cpu.save()
    process.cpu.restore(task.context)
    registers = process.cpu.registers()
    process.cpu.restore(live)
    return registers


def frames(process: Process, registers: dict[str, int]) -> list[Frame]:
    """The stack behind a set of registers."""
    found = process.unwinder.frames(registers, process.cpu.memory, process.cpu.abi, process.link_map.objects)
    return [Frame(f.pc, f.function, f.object, f.file, f.line, f.kind) for f in found]
