"""How a run ends if it does not end well: an exception with an exit status, and the report it carries, with its text.

Reports are plain data. Every command imports this module, so its classes are plain ones: a dataclass costs more to make than the
whole module.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from loader.errors import one_line

INTERRUPTED = "interrupted"
"""The reason of a report that a signal of the host asked for; its headline gives the time."""

MAX_LINES = 64
MAX_ALIKE = 4
"""Consecutive frames of one function up to this number are shown one by one."""
_REGISTERS_IN_A_ROW = 4


class EmuloadError(Exception):
    """Base of all errors that end a run. The command line exits with `exit_status`."""

    exit_status = 1


class UsageError(EmuloadError):
    """The caller asked for something that makes no sense: a wrong value, an unknown name."""

    exit_status = 2


class ReportedError(EmuloadError):
    """An end that carries a report."""

    def __init__(self, report: Report) -> None:
        super().__init__(report.headline)
        self.report = report


class GuestFailed(ReportedError):
    """The guest was killed by a signal, called a missing function, or exited during a call.

    `status` is the exit status if it exited, else None.
    """

    exit_status = 1

    def __init__(self, report: Report, status: int | None = None) -> None:
        super().__init__(report)
        self.status = status


class Deadlock(ReportedError):
    """Every thread waits for something that can no longer come."""

    exit_status = 3


class BoundReached(ReportedError):
    """A bound on code executed, virtual time, memory, output or events was reached."""

    exit_status = 4


class Interrupted(KeyboardInterrupt):
    """A signal of the host asked for the end of a run. The guest is as it was between two slices, and may run on.

    `str` is the whole report with the guest's output. `exit_status` is 128 and the signal's number, as in shells.
    """

    def __init__(self, report: Report, signal: int) -> None:
        super().__init__("\n".join([str(report), *report.output_lines()]))
        self.report = report
        self.exit_status = 128 + signal
        self.output_shown = False
        """The command line has shown the guest's output."""


class _Record:
    """Plain data: equal to another of its class with equal attributes."""

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in vars(self).items())})"

    def to_dict(self) -> dict[str, Any]:
        """The attributes as JSON-able data, in a fixed order."""
        return {name: _plain(value) for name, value in vars(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, _Record):
        return value.to_dict()
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, dict) else value


class Frame(_Record):
    """One stack frame: the address `pc`, its function and object, its source line (0: unknown).

    `kind` is "go", "c", "libc" (the emulated C library), "signal" (a handler's return code) or "unknown".
    """

    def __init__(self, pc: int, function: str, object: str = "", file: str = "", line: int = 0, kind: str = "c") -> None:
        self.pc = pc
        self.function = function
        self.object = object
        self.file = file
        self.line = line
        self.kind = kind


class ThreadReport(_Record):
    """The state of one thread: "running", "runnable", "waiting", "killed" or "exited", and its frames, innermost first.

    `waits_for` describes what a waiting thread waits for; `holder` is the tid of the thread that could end the wait, or 0.
    """

    def __init__(
        self,
        tid: int,
        role: str,
        state: str,
        waits_for: str = "",
        holder: int = 0,
        frames: list[Frame] | None = None,
        registers: dict[str, int] | None = None,
    ) -> None:
        self.tid = tid
        self.role = role
        self.state = state
        self.waits_for = waits_for
        self.holder = holder
        self.frames: list[Frame] = frames or []
        self.registers: dict[str, int] = registers or {}


class Report(_Record):
    """Why a run ended: `headline` is one line, `reason` a keyword, `thread` the tid it is about (0: all threads).

    `time` is in virtual nanoseconds; `output` is the end of what the guest wrote; `recorded` says in words what was recorded
    (empty: not of interest). `str` is the report as the command line prints it.
    """

    def __init__(
        self,
        headline: str,
        reason: str,
        thread: int = 0,
        time: int = 0,
        threads: list[ThreadReport] | None = None,
        output: str = "",
        recorded: str = "",
    ) -> None:
        self.headline = headline
        self.reason = reason
        self.thread = thread
        self.time = time
        self.threads: list[ThreadReport] = threads or []
        self.output = output
        self.recorded = recorded

    def __str__(self) -> str:
        return render(self)

    def output_lines(self) -> list[str]:
        """The end of the guest's output under a heading, after a blank line; nothing if it wrote nothing."""
        return ["", "output", *(f"  {one_line(line)}" for line in self.output.splitlines())] if self.output else []


def milliseconds(nanoseconds: int) -> str:
    """Virtual time with a digit for each microsecond: 1234567 → 1.235."""
    return f"{(nanoseconds + 500) // 1000 / 1000:.3f}"


def render(report: Report) -> str:
    """The headline, then each thread with its wait and its frames; registers of the thread that failed."""
    lines = [report.headline]
    if report.reason != INTERRUPTED:
        lines.append(f"  after {milliseconds(report.time)} ms of virtual time")
    if report.recorded:
        lines.append(f"  {report.recorded}")
    roles = {thread.tid: thread.role for thread in report.threads}
    for thread in report.threads:
        lines += ["", *_thread(thread, roles, with_registers=thread.tid == report.thread)]
    return "\n".join(map(one_line, lines))


def thread_title(thread: ThreadReport, roles: dict[int, str]) -> str:
    """`thread 1000 (loader) waits for mutex m, held by thread 1001 (runtime)`."""
    text = f"thread {thread.tid}{_role(thread.role)}"
    if not thread.waits_for:
        return f"{text} is {thread.state}"
    text += f" waits for {thread.waits_for}"
    if thread.holder:
        text += f", held by thread {thread.holder}{_role(roles.get(thread.holder, ''))}"
    return text


def frame_line(number: int, frame: Frame) -> str:
    """`#0  0x7f001234 main.add at hello.go:12 (libhello.so)`."""
    text = f"#{number:<2} {frame.pc:#x} {frame.function or '??'}"
    if frame.file:
        text += f" at {frame.file}:{frame.line}" if frame.line else f" at {frame.file}"
    if frame.object:
        text += f" ({frame.object.rpartition('/')[2]})"
    return text


def frame_lines(frames: Sequence[Frame]) -> list[str]:
    """A line for each frame; a recursion's repetitions are counted, and very long stacks are cut."""
    lines: list[str] = []
    number = 0
    while number < len(frames) and len(lines) < MAX_LINES:
        alike = number + 1
        while alike < len(frames) and _same_function(frames[alike], frames[number]):
            alike += 1
        lines.append(frame_line(number, frames[number]))
        if alike - number > MAX_ALIKE:
            lines.append(frame_line(number + 1, frames[number + 1]))
            lines.append(f"    … {alike - number - 2} more of the same")
            number = alike
        else:
            number += 1
    if number < len(frames):
        lines.append(f"    … {len(frames) - number} more frames")
    return lines


def _same_function(frame: Frame, other: Frame) -> bool:
    return bool(frame.function) and (frame.function, frame.object) == (other.function, other.object)


def register_lines(registers: dict[str, int]) -> list[str]:
    """Registers in hexadecimal, four in a line."""
    width = max((len(name) for name in registers), default=0)
    digits = 16 if any(value >> 32 for value in registers.values()) else 8
    cells = [f"{name:>{width}} {value:0{digits}x}" for name, value in registers.items()]
    return ["  ".join(cells[i : i + _REGISTERS_IN_A_ROW]) for i in range(0, len(cells), _REGISTERS_IN_A_ROW)]


def _role(role: str) -> str:
    return f" ({role})" if role else ""


def _thread(thread: ThreadReport, roles: dict[int, str], *, with_registers: bool) -> list[str]:
    lines = [thread_title(thread, roles)]
    lines += [f"  {line}" for line in frame_lines(thread.frames)]
    if with_registers:
        lines += [f"  {line}" for line in register_lines(thread.registers)]
    return lines
