"""The report of a run that did not end well, as plain text."""

from __future__ import annotations

from collections.abc import Sequence

from emuload.errors import Frame, Report, ThreadReport
from emuload.report.tables import milliseconds
from loader.errors import one_line

MAX_LINES = 64
MAX_ALIKE = 4
"""Consecutive frames of one function up to this number are shown one by one."""
_REGISTERS_IN_A_ROW = 4


def render(report: Report) -> str:
    """The headline, then each thread with its wait and its frames; registers of the thread that failed."""
    lines = [report.headline, f"  after {milliseconds(report.time)} ms of virtual time"]
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
