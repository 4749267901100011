"""A session of calls: load a library, make the calls of the command line, and exit; the commands that run a library share it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emuload.calls.convert import Buffer, CallError
from emuload.calls.text import ParsedCall, parse_call
from emuload.calls.values import json_value, output_text, value_text
from emuload.commands.common.guest_options import process_options
from emuload.errors import Interrupted, ReportedError
from emuload.process.host_signals import HOST_SIGNALS
from emuload.process.process import Process
from loader.elf import ElfFile
from loader.errors import LoadError
from loader.gabi import DF_1_PIE, ET_EXEC
from loader.memory import PROT_READ
from loader.search import read_file

if TYPE_CHECKING:
    from emuload.process.host_threads import Thread
    from emuload.process.library import Function, Library

PROGRAM_NAME = "prog"


@dataclass(eq=False, repr=False)
class Done:
    """A call that came back: on thread `tid`, at virtual nanosecond `time`."""

    call: ParsedCall
    tid: int
    time: int
    value: Any
    text_there: str = ""
    """The text at the address that the result may be."""

    def text(self, with_thread: bool) -> str:
        """`add(1, 2) = 3`, with the buffers as the call left them."""
        line = self.call.text.strip()
        if self.call.returns is not None:
            line += f" = {value_text(self.value)}"
        for number, argument in enumerate(self.call.arguments, 1):
            if isinstance(argument, Buffer):
                line += f"; argument {number} = {value_text(argument)}"
        if self.text_there:
            line += f"  (the address of {value_text(self.text_there)}? write -> str)"
        return f"[thread {self.tid}] {line}" if with_thread else line

    def document(self) -> dict[str, Any]:
        """The call as JSON-able data."""
        made = {
            "call": self.call.text.strip(),
            "function": self.call.name,
            "thread": self.tid,
            "time_ns": self.time,
            "result": json_value(self.value),
        }
        buffers = {str(i): json_value(a) for i, a in enumerate(self.call.arguments, 1) if isinstance(a, Buffer)}
        return made | ({"buffers": buffers} if buffers else {})


class Session:
    """One `emuload run`."""

    def __init__(
        self,
        process: Process,
        path: str,
        calls: list[ParsedCall],
        threads: int | None,
        *,
        more: Sequence[str] = (),
        flags: str = "now|global",
    ) -> None:
        self.process = process
        self.path = path
        self.more = list(more)
        """Libraries loaded after the first one."""
        self.calls = calls
        self._flags = flags
        self.threads = threads
        self.done: list[Done] = []
        self.failure: ReportedError | Interrupted | None = None
        self.exit_status: int | None = None

    def go(self) -> None:
        """Load, call, exit; `failure` gets an error that carries a report."""
        with HOST_SIGNALS:
            HOST_SIGNALS.release()
            try:
                self._go()
                if HOST_SIGNALS.asked:
                    self.process.runner.answer_signals()
            except (ReportedError, Interrupted) as error:
                self.failure = error

    def _go(self) -> None:
        opened = [self.process.dlopen(path, self._flags) for path in (self.path, *self.more)]
        functions = {call.name: _function(opened, call.name) for call in self.calls}
        if self.threads is None:
            for call in self.calls:
                self._call(functions[call.name], call)
        else:
            workers = [self.process.thread() for _ in range(self.threads)]
            for call in self.calls:
                self._call_everywhere(functions[call.name], call, workers)
        self.exit_status = self.process.exit()

    def results(self) -> list[str]:
        """A line for each call that came back."""
        return [done.text(with_thread=self.threads is not None) for done in self.done]

    def _call(self, function: Function, call: ParsedCall) -> None:
        with _naming(call):
            value = function(*call.arguments, returns=call.returns)
        text = text_at(self.process, value) if call.returns is int else ""
        self.done.append(Done(call, self.process.main.tid, self.process.clock.now(), value, text))

    def _call_everywhere(self, function: Function, call: ParsedCall, workers: list[Thread]) -> None:
        """The same call on all threads at once, each with buffers of its own."""
        copies = [parse_call(call.text) for _ in workers]
        with _naming(call):
            started = [
                worker.start(function, *copy.arguments, returns=copy.returns)
                for worker, copy in zip(workers, copies, strict=True)
            ]
        for pending, copy in zip(started, copies, strict=True):
            with _naming(call):
                value = pending.result()
            text = text_at(self.process, value) if call.returns is int else ""
            self.done.append(Done(copy, pending.tid, self.process.clock.now(), value, text))

    @property
    def roles(self) -> dict[int, str]:
        """The role of each thread, by its tid."""
        return {tid: task.role for tid, task in self.process.kernel.tasks.items()}


LEAST_TEXT, MOST_TEXT = 3, 40
"""Characters that make a text at an address likely, and of those that are shown."""


def text_at(process: Process, value: Any) -> str:
    """The beginning of the printable text at an address; empty if there is none."""
    memory = process.cpu.memory
    address = value & process.cpu.abi.word_mask
    region = memory.region_at(address)
    if region is None or not region.prot & PROT_READ:
        return ""
    data = memory.read(address, min(MOST_TEXT * 4, region.end - address))
    text = data.partition(b"\0")[0].decode("utf-8", "ignore")
    whole = b"\0" in data or len(text) > MOST_TEXT
    if not whole or len(text) < LEAST_TEXT or not all(each.isprintable() or each in "\n\t" for each in text):
        return ""
    return text if len(text) <= MOST_TEXT else f"{text[:MOST_TEXT]}…"


def _function(libraries: Sequence[Library], name: str) -> Function:
    """The function of that name in the first library that has it. Raises LoadError, that of the first library."""
    refused: LoadError | None = None
    for library in libraries:
        try:
            return library[name]
        except LoadError as error:
            refused = refused or error
    assert refused is not None
    raise refused


@contextmanager
def _naming(call: ParsedCall) -> Iterator[None]:
    """Name the call in an error about its values."""
    try:
        yield
    except CallError as error:
        raise CallError(f"{call.text.strip()}: {error}") from None


def session_for(options: Mapping[str, Any]) -> Session:
    """A session by the command line's options, not yet started. Raises LoadError, UsageError and its kinds."""
    return _session(options, process_options(options))


def session_with(options: Mapping[str, Any], settings: Mapping[str, Any]) -> Session:
    """Like `session_for`, for a trace. `settings` are `process_options`, made once: they have read standard input."""
    return _session(options, {**settings, "go_imports": True})


def _session(options: Mapping[str, Any], settings: Mapping[str, Any]) -> Session:
    calls = [parse_call(text) for text in options["calls"]]
    path = options["library"]
    settings = {**settings, "instruction_log": options.get("instruction_log")}
    needed = [path, *options.get("more", ())] if options["linked"] else []
    process = Process.for_file(path, args=[PROGRAM_NAME, *options["arguments"]], needed=needed, **settings)
    for each in needed:
        check_library(each)
    flags = "lazy|global" if options.get("lazy") else "now|global"
    return Session(process, path, calls, options["threads"], more=options.get("more", ()), flags=flags)


def check_library(path: str) -> None:
    """Raise LoadError with glibc's words (elf/dl-load.c, _dl_map_object_from_fd) for an executable."""
    elf = ElfFile(read_file(path), path)
    if elf.type == ET_EXEC:
        raise LoadError(path, "", "cannot dynamically load executable", "executable")
    if elf.dt_flags_1 & DF_1_PIE:
        raise LoadError(path, "", "cannot dynamically load position-independent executable", "executable")


def document(session: Session, with_events: bool) -> dict[str, Any]:
    """A run as JSON-able data."""
    process = session.process
    document: dict[str, Any] = {
        "library": os.fspath(session.path),
        "architecture": process.arch,
        "profile": process.profile.name,
        "calls": [done.document() for done in session.done],
        "stdout": output_text(process.stdout),
        "stderr": output_text(process.stderr),
        "handoff": [
            {
                "event": row.event,
                "thread": row.thread,
                "role": session.roles.get(row.thread, ""),
                "time_ns": row.time,
                "function": row.function,
                "object": row.object,
            }
            for row in process.handoff()
        ],
        "virtual_ns": process.clock.now(),
        "code_bytes": process.cpu.clock_bytes,
        "exit_status": session.exit_status,
    }
    if session.failure is not None:
        document["report"] = session.failure.report.to_dict()
    if with_events:
        document["events"] = [
            {"seq": e.seq, "time_ns": e.time, "thread": e.tid, "pc": e.pc, "kind": e.kind, **e.fields}
            for e in process.events
        ]
    return document
