"""One guest process: load, initialise, call, exit. A run's parts hang off one `Process`, each with a job of its own.

    kernel, files    Linux, and what the guest sees of the host's files
    linker           what is loaded (`linker`), and dlopen, dlsym, dlclose (`dlfcn`)
    scheduler        which thread runs next; `runner` turns each end of a run into an error with a report
    traps            what happens when the CPU stops
    host_calls       calls by the host, which run as guest code on the loading thread or on foreign threads (`thread()`)

Between the host's calls the guest does not run, and virtual time does not pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emuload.errors import EmuloadError, UsageError
from emuload.golang.watchdog import Sysmon
from emuload.kernel.clock import VirtualClock
from emuload.kernel.entry import Entry
from emuload.kernel.fs.attached import Kernel
from emuload.libc.builtins import architecture_of
from emuload.process.dlfcn import DynamicLinking, flag_bits
from emuload.process.guest_files import GuestFiles
from emuload.process.host_calls import HostCalls, idle
from emuload.process.host_memory import HostMemory
from emuload.process.host_stubs import map_host_stubs
from emuload.process.host_threads import Thread
from emuload.process.library import Library
from emuload.process.linker import Linker
from emuload.process.options import Limits, Options, cpu_for, profile_of
from emuload.process.runner import Runner
from emuload.process.scheduler import RoundRobin, Scheduler, Strategy
from emuload.process.traps import Traps
from emuload.trace.events import Event, Recorder
from loader.errors import LoadError
from loader.link_map import LinkMap
from loader.search import read_file

if TYPE_CHECKING:
    from emuload.golang.handoff import Row
    from emuload.process.diagnosis import Diagnosis
    from emuload.process.instruction_log import InstructionLog, LogRequest


class Process:
    """A guest process. Making one runs no guest code; `start()` does, by itself when it is first needed.

    args, env, cwd   the guest's argv, environ and working folder; the defaults are those of a small program
    seed             of the guest's random numbers
    needed, preload  libraries linked at start-up; `preload` come before all others
    library_path     folders of the host in which needed libraries are looked for
    program          an executable to run, for `run_program()`, instead of waiting for calls
    stdin            the bytes that descriptor 0 gives
    on_output        sees (descriptor, bytes) as the guest writes
    maps             folders of the host that the guest sees: (host path, guest path, writable)
    files            host files by the names they go by, so that no path of the host is in the run
    kuser_helpers    map ARM's kernel helper page
    cpus             the number of processors that the guest sees
    limits           bounds of the run
    strategy         decides which thread runs next
    record           keep the events; `go_imports`: with the imports among a Go library's packages, which takes some time
    native_hooks     use machine code for the CPU's hooks if the host allows it; the run is the same without
    instruction_log  a file for every block of code that runs (`emuload.ilog.format`), or a `LogRequest` for a part of it; it
                     is complete after `exit()` or `close()`

    Raises UsageError for values that make no sense.

    As a context manager it ends the guest as `exit()` does when the block ends, if the guest was started, has not ended or
    failed, and a thread is free to do so; after an exception it runs no more guest code. Either way it calls `close()`.
    """

    def __init__(
        self,
        arch: str,
        *,
        profile: str = "glibc",
        args: Sequence[str | bytes] = ("prog",),
        env: Mapping[str, str] | None = None,
        seed: int = 0,
        needed: Sequence[str] = (),
        preload: Sequence[str] = (),
        library_path: Sequence[str] = (),
        stdin: bytes = b"",
        maps: Sequence[tuple[str, str, bool]] = (),
        program: str | None = None,
        limits: Limits | None = None,
        on_output: Callable[[int, bytes], None] | None = None,
        kuser_helpers: bool = True,
        record: bool = True,
        cpus: int = 1,
        strategy: Strategy | None = None,
        native_hooks: bool = True,
        cwd: str = "/",
        instruction_log: str | LogRequest | None = None,
        files: Mapping[str, str] | None = None,
        go_imports: bool = False,
    ) -> None:
        self.options = given = Options(
            arch, profile_of(profile, env or {}), args, env or {}, needed=needed, preload=preload, library_path=library_path,
            program=program, kuser_helpers=kuser_helpers, go_imports=go_imports, seed=seed, limits=limits,
        )  # fmt: skip
        self.arch, self.profile = given.arch, given.profile
        self.cpu = cpu_for(given, native_hooks)
        self.clock = VirtualClock(self.cpu, bytes_per_ns=4, base=0)
        self.recorder = Recorder(self.clock, enabled=record, limit=given.limits.events)
        self.kernel = Kernel(self.cpu.memory, self.cpu.abi, self.recorder, seed, self.clock, cpus=cpus)
        self.files = GuestFiles(self.kernel, stdin, maps, given.limits.output, on_output, cwd)
        self.files.host.named.update(files or {})
        self.stubs = map_host_stubs(self.cpu)
        self.host_memory = HostMemory(self.cpu.memory)
        self.scheduler = Scheduler(self.cpu, Entry(self.kernel), self.clock, strategy or RoundRobin(), given.limits, Sysmon())
        self.instruction_log: InstructionLog | None = None
        if instruction_log is not None:
            from emuload.process.instruction_log import attach_log

            self.instruction_log = attach_log(instruction_log, given, self.scheduler)
        self.linker = Linker(given, self.cpu, self.kernel, self.files, self.stubs, self.instruction_log)
        self.runner = Runner(self.scheduler, self.linker.objects, self.linker.unloaded)
        self.host_calls = HostCalls(self.scheduler, self.stubs, self.host_memory, self.runner.run, self.runner.under_way)
        self._dynamic_linking = DynamicLinking(self.host_calls, self.linker)
        self._traps = Traps(self.runner, self.linker.libc, self.stubs, self.host_calls)
        self._traps.connect()
        self.watches = self.linker.watches
        self.cpu.ticks = self.clock.now
        self._main: Thread | None = None
        self._started = False
        self._start_error: EmuloadError | LoadError | None = None

    @classmethod
    def for_file(cls, path: str, **options: Any) -> Process:
        """A process of the architecture that a file is for. Raises LoadError if it is not an ELF file of one we know."""
        return cls(architecture_of(path, read_file(path)), **options)

    # -- start and end -----------------------------------------------------------------------------------------

    def start(self, first: str | None = None) -> None:
        """Link what is linked at start-up, and bring the main thread to its idle loop, or to a program's first instruction.

        Does nothing if the process was started. `first` is the file whose ABI decides which build of the C library is used.
        Raises LoadError for a file that the linker refuses, and GuestFailed, Deadlock or BoundReached with a report if
        a constructor does not come back; the same error again if it was raised before.
        """
        if self._start_error is not None:
            raise self._start_error
        if not self._started:
            self._started = True
            try:
                self._start(first)
            except (EmuloadError, LoadError) as error:
                self._start_error = error
                raise

    def _start(self, first: str | None) -> None:
        self.linker.link(first)
        self.host_calls.hard_float = self.linker.hard_float
        self._traps.libc_code = self.linker.libc_code
        task = self.linker.spawn_main()
        self._main = Thread(self.host_calls, task.tid)
        if self.options.program is None:
            self.runner.run(lambda: idle(task))

    def exit(self, status: int = 0) -> int:
        """Run the guest's exit(status), with atexit handlers and destructors: the exit status. `status` if it never started.

        Raises UsageError if every thread is in a call, and GuestFailed, Deadlock or BoundReached with a report.
        """
        if self._main is not None and not self.ended:
            function, task = self.linker.libc_function("exit"), self.host_calls.any_idle()
            pending = self.host_calls.start_words(task, function, [status])
            self.runner.run(lambda: self.kernel.exit_status is not None or pending.done)
        self.close()
        return self.kernel.exit_status if self.kernel.exit_status is not None else status

    def discard(self) -> None:
        """Close, and give the guest's memory back to the host at once. Only reports that were made can still be read."""
        self.close()
        self.cpu.engine.close()
        self.cpu.memory.forget()

    def close(self) -> None:
        """Complete the instruction log, without running guest code. Events, output and memory can still be read."""
        if self.instruction_log is not None:
            self.instruction_log.close()

    def __enter__(self) -> Process:
        """The process itself, not started; see the class for the end of the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None and not self.ended and self.runner.failure is None and any(map(idle, self.kernel.living)):
                self.exit()
        finally:
            self.close()

    @property
    def ended(self) -> bool:
        """True if the guest process has exited or was killed."""
        return self.runner.ended

    # -- running -----------------------------------------------------------------------------------------------

    def run_until(self, until: Callable[[], bool] | int) -> None:
        """Run with no call made, until `until()` is true or for that many virtual nanoseconds. Raises as `run_program` does."""
        self.start()
        if isinstance(until, int):
            self.runner.run_for(until)
        else:
            self.runner.run(until)

    def run_program(self) -> int:
        """Run the program to its end: its exit status.

        Raises UsageError without a program, GuestFailed if a signal kills it, Deadlock and BoundReached, and as `start` does.
        """
        if self.options.program is None:
            raise UsageError("there is no program to run")
        self.start()
        self.runner.run(lambda: self.kernel.exit_status is not None)
        assert self.kernel.exit_status is not None
        return self.kernel.exit_status

    @property
    def main(self) -> Thread:
        """The loading thread, which is the process's main thread. Starts the process, and raises as `start` does."""
        if self._main is None:
            self.start()
            assert self._main is not None
        return self._main

    def thread(self) -> Thread:
        """A further foreign thread, parked until it gets a call. Raises UsageError if none can be made, and as `start` does."""
        self.start()
        find = self.linker.libc_function
        task = self.host_calls.new_thread(find("pthread_create"), find("__emu_foreign_main").address)
        return Thread(self.host_calls, task.tid)

    def callback(self, function: Callable[..., Any], argtypes: Sequence[Any], returns: Any) -> int:
        """Address of a C function that calls a Python one, for the life of the process. Raises UsageError if no room is left."""
        return self.host_calls.callback(function, argtypes, returns)

    # -- the linker --------------------------------------------------------------------------------------------

    def dlopen(self, path: str, flags: str = "now|global") -> Library:
        """dlopen on the loading thread. `flags` joins names of `dlfcn.FLAGS` with "|".

        Raises LoadError with the linker's words, UsageError for an unknown flag or if every thread is in a call, GuestFailed,
        Deadlock or BoundReached with a report if a constructor does not come back.
        """
        bits = flag_bits(flags)
        self.files.name(path)
        self.start(first=path)
        return Library(self, path, self._dynamic_linking.open(path, bits))

    def dlsym(self, handle: Library | str, name: str) -> int:
        """Address of a symbol: in a library, or from `dlfcn.DEFAULT` or NEXT. Raises LoadError with the linker's words."""
        self.start()
        return self._dynamic_linking.symbol(handle if isinstance(handle, str) else handle.handle, name)

    def dlclose(self, library: Library) -> None:
        """dlclose on the loading thread. Raises LoadError if the linker refuses."""
        self._dynamic_linking.close(library.handle, library.path)

    def exports(self, library: Library) -> list[str]:
        """The names of what a library's file exports, in order; none once it is unloaded. No guest code runs."""
        return self._dynamic_linking.exports(library.handle)

    @property
    def link_map(self) -> LinkMap:
        """The loaded objects, as the linker sees them. Starts the process, and raises as `start` does."""
        if not self.linker.objects():
            self.start()
        return self.linker.link_map

    @property
    def stdout(self) -> bytes:
        """Everything the guest has written to descriptor 1."""
        return self.files.fs.output.of(1)

    @property
    def stderr(self) -> bytes:
        """Everything the guest has written to descriptor 2."""
        return self.files.fs.output.of(2)

    @property
    def events(self) -> list[Event]:
        """Everything that has happened."""
        return self.recorder.events

    def handoff(self) -> list[Row]:
        """The handoff of every Go library in the process, step by step."""
        from emuload.golang.handoff import handoff_table

        return handoff_table(self.events)

    @property
    def diagnosis(self) -> Diagnosis:
        """Reports, stacks and names of addresses of the guest as it is now."""
        return self.runner.diagnosis
