"""One guest process: load, initialise, call, exit. Everything a run has hangs off one `Process`.

The loading thread is the process's main thread. The host's calls, dlopen among them, run as guest code on it or on a foreign
thread made with `thread()`; between the host's calls the guest stands still, and so does virtual time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from emuload.calls import convert as calls
from emuload.errors import BoundReached, Deadlock, GuestFailed, ReportedError, UsageError
from emuload.golang.watches import Watches
from emuload.kernel.clock import VirtualClock
from emuload.kernel.core import Kernel
from emuload.kernel.dispatch import Stop
from emuload.kernel.fs.output import BoundExceeded
from emuload.kernel.initial_stack import ProgramHeaders, build_stack, map_stack
from emuload.kernel.task import Task
from emuload.libc.builtins import LIBC, architecture_of, builtins_for, hard_float
from emuload.libc.host import EM_BASE, LibcHost
from emuload.machine import create_cpu
from emuload.machine.cpu import Context
from emuload.machine.memory import text_bytes
from emuload.process.guest_files import GuestFiles, host_bytes
from emuload.process.host_memory import HostMemory
from emuload.process.host_stubs import map_host_stubs
from emuload.process.host_threads import HostCall, Pending, Thread, idle, park
from emuload.process.library import Function, Library
from emuload.process.scheduler import OutOfTime, RoundRobin, Scheduler, Strategy, Stuck
from emuload.trace.events import Event, Recorder, RecorderFull
from loader.errors import LoadError
from loader.link_map import LinkMap
from loader.objects import LinkedObject
from loader.profiles import UnknownProfile
from loader.profiles import profile as profile_by_name

if TYPE_CHECKING:
    from emuload.errors import Report
    from emuload.golang.handoff import Row
    from emuload.golang.library import GoLibrary
    from emuload.process.instruction_log import InstructionLog, LogRequest
    from emuload.unwind import Unwinder

DEFAULT = "default"
NEXT = "next"
FLAGS = {"lazy": 1, "now": 2, "noload": 4, "deepbind": 8, "global": 0x100, "local": 0, "nodelete": 0x1000}
STOPS_FIRST = frozenset({"clone", "clone3", "fork", "vfork", "rt_sigreturn", "sigreturn", "execve"})
"""System calls that change registers: answered with the CPU stopped."""

RED_ZONE = 128
_CALLED = ("function",)
"""What events say of the host's calls."""
HOST_CALLS = range(EM_BASE, EM_BASE + 0x100)


def argument_bytes(text: str | bytes) -> bytes:
    """An argument as the guest sees it. Raises UsageError for a NUL inside."""
    data = text_bytes(text)
    if b"\0" in data:
        raise UsageError(f"a NUL byte in the argument {text!r}")
    return data


def _counted(counts: Mapping[str, int]) -> list[str]:
    """`name=count` texts."""
    return [f"{name}={count}" for name, count in counts.items()]


def paths_in(text: str, separators: str) -> list[str]:
    """The paths of a list such as LD_LIBRARY_PATH; an empty one between separators is the working folder."""
    if not text:
        return []
    for separator in separators[1:]:
        text = text.replace(separator, separators[0])
    return [path or "." for path in text.split(separators[0])]


class Limits(NamedTuple):
    """Bounds of a run, each with its own clear end (BoundReached, exit status 4)."""

    code_bytes: int = 20_000_000_000
    virtual_seconds: float = 3600.0
    memory: int = 4 << 30
    output: int = 64 << 20
    events: int = 10_000_000


@dataclass(eq=False, repr=False)
class Options:
    """What the guest gets to see."""

    args: list[bytes]
    env: list[bytes]
    needed: list[str]
    library_path: list[str]
    program: str | None
    kuser_helpers: bool
    preload: list[str]
    environment: dict[str, str]


class Process:
    """A guest process. See the module's text; arguments not given have the values a small program would have.

    `args` and `env` are what the guest sees as argv and environ; `maps` are (host path, guest path, writable);
    `needed` are libraries linked at start-up, `preload` such that come before all others; `program` is an executable to run
    instead of waiting for calls;
    `files` are host files that go by other names than their paths: name → host path, so that no path of the host is in the
    run; `on_output` sees (stream, bytes) as the guest writes; `cwd` is the guest's folder;
    `go_imports`: tell which of a Go library's packages need which others (an event; it takes some tenths of a second);
    `instruction_log` names a file for every block of code that runs (`emuload.ilog.format`), or is a `LogRequest` for part
    of it, or for what instructions write; it is complete once `exit()` or `instruction_log.close()` was called.
    Raises LoadError for a file the linker refuses, UsageError for values that make no sense.
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
        self.arch = arch
        self.limits = limits = limits or Limits()
        try:
            self.profile = profile_by_name(profile).for_environment(env or {})
        except UnknownProfile as error:
            raise UsageError(str(error)) from None
        try:
            self.cpu = create_cpu(arch, native_hooks=native_hooks)
        except ValueError as error:
            raise UsageError(str(error)) from None
        self.options = Options(
            [argument_bytes(arg) for arg in args],
            [argument_bytes(f"{key}={value}") for key, value in (env or {}).items()],
            list(needed),
            list(library_path),
            program,
            kuser_helpers,
            list(preload),
            dict(env or {}),
        )
        self.program_name = (self.options.args[0] if args else b"prog").decode("utf-8", "surrogateescape")
        """How the guest's linker calls the program: argv[0]."""
        self.cpu.memory.limit = limits.memory
        self.cpu.memory.grain = self.profile.page_size
        self.clock = VirtualClock(self.cpu, bytes_per_ns=4, base=0)
        self.recorder = Recorder(self.clock, enabled=record, limit=limits.events)
        self.kernel = Kernel(self.cpu.memory, self.cpu.abi, self.recorder, seed, self.clock, cpus=cpus)
        self.files = GuestFiles(self.kernel, stdin, maps, limits.output, on_output, cwd)
        self.files.named.update(files or {})
        self.stubs = map_host_stubs(self.cpu)
        self.host_memory = HostMemory(self.cpu.memory)
        self.scheduler = Scheduler(
            self.cpu, self.kernel, self.clock, strategy or RoundRobin(), self._finish_trap,
            limits.code_bytes, int(limits.virtual_seconds * 1e9),
        )  # fmt: skip
        self.instruction_log: InstructionLog | None = None
        if instruction_log is not None:
            self._log_instructions(instruction_log, seed)
        self.calls: dict[int, list[HostCall]] = {}
        self._parked: dict[int, Context] = {}
        """Registers of threads that came back from a call and have not run since."""
        self.callbacks: list[tuple[Callable[..., Any], Sequence[Any], Any]] = []
        self._trap: tuple[int, int, tuple[int, ...]] = (0, 0, ())
        self._failure: Report | None = None
        self._started = False
        self._go_imports = go_imports
        self._text = range(0)
        self.watches = Watches(self.cpu, self.kernel, self.recorder, self.options.env)
        self.cpu.handler = self._on_trap
        self.cpu.ticks = self.clock.now
        numbers = self.kernel.table.entries
        self._stop_first = frozenset(n for n, entry in numbers.items() if entry[0] in STOPS_FIRST)
        if needed or preload or program is not None:
            self.start()

    @classmethod
    def for_file(cls, path: str, **options: Any) -> Process:
        """A process of the architecture that a file is for. Raises LoadError when it is no ELF file of one we know."""
        return cls(architecture_of(path, host_bytes(path)), **options)

    def _log_instructions(self, wanted: str | LogRequest, seed: int) -> None:
        from emuload.process.instruction_log import InstructionLog, LogRequest

        request = LogRequest(wanted) if isinstance(wanted, str) else wanted
        options = self.options
        header = {
            "arch": self.arch,
            "profile": self.profile.name,
            "args": [argument.decode("utf-8", "surrogateescape") for argument in options.args],
            "env": [variable.decode("utf-8", "surrogateescape") for variable in options.env],
            "seed": seed,
        }
        self.instruction_log = self.scheduler.log = InstructionLog(request, self.cpu, self.clock, header)
        if self.instruction_log.watches_events:
            self.recorder.add_listener(self.instruction_log.event)

    # -- start -------------------------------------------------------------------------------------------------

    def start(self, first: str | None = None) -> None:
        """Map the C library and whatever is linked at start-up, and bring the main thread to its idle loop.

        Called by itself when first needed; `first` is the file whose ABI decides which C library build is used.
        """
        if self._started:
            return
        self._started = True
        options, memory, abi = self.options, self.cpu.memory, self.cpu.abi
        self.files.folders = list(options.library_path)
        self.cpu.map_kernel_pages(**self._kernel_page_options())
        map_stack(memory, abi)
        sample = options.program or first or (options.needed[0] if options.needed else None)
        content = self.files.host_bytes(sample) if sample else None
        self.hard_float = hard_float(self.arch, content)
        environment = options.environment
        self.link_map = LinkMap(
            memory,
            self.arch,
            self.profile,
            finder=self.files.find_library,
            library_path=[*options.library_path, *paths_in(environment.get("LD_LIBRARY_PATH", ""), ":;")],
            builtins=builtins_for(self.arch, self.hard_float),
            missing=self._missing,
            on_event=self._on_link_event,
            bind_now=bool(environment.get("LD_BIND_NOW")),
            program=self.program_name,
        )
        self.libc = LibcHost(self)
        self.link_map.identify = self.libc.link_maps.place
        for path in (*options.preload, *options.needed):
            self.files.name(path)
        self.files.default_folders = self.profile.folders
        self._link(content, paths_in(environment.get("LD_PRELOAD", ""), ": "))
        main = self.link_map.main
        headers = ProgramHeaders()
        if main is not None:
            headers = ProgramHeaders(main.phdr, main.elf.layout.phdr.size, main.elf.phnum, main.entry)
        page = self.link_map.page_size
        entropy = self.kernel.entropy.bytes(16)
        name = text_bytes(self.program_name)
        self.stack = build_stack(
            memory, abi, options.args, options.env, entropy, headers, name, self.files.fs.uid, page
        )
        self.files.describe(options, self.stack)
        self._text = range(self._builtin.start, self._builtin.end)
        self.libc.link_maps.attach()
        self.link_map.thread_pointers = self.libc.thread_pointers
        self._spawn_main()

    def _link(self, program: bytes | None, preload: Sequence[str]) -> None:
        """Map and relocate what is there at the start, as far as no guest code has to run for it."""
        options, links = self.options, self.link_map
        linked = [*options.preload, *options.needed]
        try:
            if options.program is not None:
                assert program is not None
                linking = links.start((options.program, program), linked, preload)
            else:
                linking = links.start(None, [*linked, LIBC], preload)
            builtin = next((o for o in links.objects if o.is_builtin), None)
            if builtin is None:
                raise LoadError(options.program or "", "DT_NEEDED", "the program is not linked with a C library")
            self._builtin = builtin
            call = links.relocate(linking)
        except LoadError as error:
            raise self.profile.told(error, "start", self.program_name) from None
        if call is not None:
            self.libc.unfinished = linking, call
            links.tls_pending = [module for module in links.tls.modules.values() if not module.object.relocated]

    def _kernel_page_options(self) -> dict[str, bool]:
        return {} if self.options.kuser_helpers else {"kuser_helpers": False}

    def _spawn_main(self) -> None:
        cpu = self.cpu
        cpu.restore(cpu.fresh_context())
        cpu.sp = self.stack.sp
        cpu.tp = self.libc.new_main_thread()
        cpu.enter(self.libc_function("__emu_start"))
        self.main_task = self.kernel.create_main_task(cpu.switch_out(), thread_pointer=cpu.tp)
        self.main_task.role = "loader"
        self.main = Thread(self, self.main_task.tid)
        if self.options.program is None:
            self._run(lambda: idle(self.main_task))

    def libc_function(self, name: str) -> int:
        """Address of a function of the emulated C library."""
        return self._builtin.address(name)

    # -- traps -------------------------------------------------------------------------------------------------

    def _on_trap(self, pc: int, number: int, arguments: Sequence[int]) -> int | None:
        """Answer a trap in place, or keep it for `_finish_trap` when it needs the CPU stopped."""
        task = self.kernel.current
        assert task is not None
        task.pc = self.recorder.pc = pc
        stubs = self.stubs
        if number in HOST_CALLS and pc in self._text:
            if number not in self.libc.stops_first:
                answer = self.libc.call(self.cpu, task, number, arguments)
                return None if isinstance(answer, Stop) else answer
        elif not stubs.base <= pc < stubs.end and number not in self._stop_first:
            result = self.kernel.syscall(self.cpu, task, number, arguments)
            if isinstance(result, Stop):
                self._trap = (0, 0, ())
                return None
            return result
        self._trap = (pc, number, tuple(arguments))
        return None

    def _finish_trap(self, task: Task) -> None:
        """The rest of a trap, with the CPU stopped and the task's registers live."""
        pc, number, arguments = self._trap
        self._trap = (0, 0, ())
        if pc == 0:
            return
        if self.stubs.base <= pc < self.stubs.end:
            self._pass_stub(task, pc)
            return
        if number in HOST_CALLS and pc in self._text:
            answer = self.libc.call(self.cpu, task, number, arguments)
        else:
            answer = self.kernel.syscall(self.cpu, task, number, arguments)
        if not isinstance(answer, Stop):
            self.cpu.syscall_result(answer)

    def _pass_stub(self, task: Task, pc: int) -> None:
        kind, name, index = self.stubs.at(pc)
        if kind == "none" or (kind == "return" and not self.calls.get(task.tid)):
            self._fail(f"thread {task.tid} ran into the emulator's own code at {pc:#x}, where no call returns to", "gate", task)
        elif kind == "return":
            self._return_from_call(task)
        elif kind == "callback":
            self._run_callback(task, index)
        else:
            caller = self.cpu.return_address()
            self.recorder.emit("missing-function", task.tid, name=name, caller=caller)
            where = self.describe_address(caller)
            self._fail(f"the C library function {name} is not implemented (called from {where})", "missing-function", task)

    def _run_callback(self, task: Task, index: int) -> None:
        """Run a Python function for the guest; calls it makes nest on the same thread."""
        function, argtypes, returns = self.callbacks[index]
        frame = calls.receive_callback(self, argtypes, returns)
        resume = self.cpu.save()
        self.calls.setdefault(task.tid, [])
        park(task, f"the host's callback {getattr(function, '__name__', 'function')}")
        try:
            value = function(*frame.arguments)
        finally:
            task.wait = None
        self.scheduler.load(task)
        self.cpu.restore(resume)
        calls.reply_to_callback(self, frame, value)

    # -- calls -------------------------------------------------------------------------------------------------

    def start_call(
        self, tid: int, function: Function | int, args: Sequence[Any], returns: Any, argtypes: Sequence[Any] | None
    ) -> Pending:
        """Let a thread begin a call. Raises UsageError when it is busy, CallError for values that do not fit."""
        task = self.kernel.tasks.get(tid)
        if task is None or task.exited:
            raise UsageError(f"thread {tid} is gone")
        if not idle(task):
            raise UsageError(f"thread {tid} is in a call already")
        name = function.name if isinstance(function, Function) else f"{function:#x}"
        address = function.address if isinstance(function, Function) else function
        prepared = calls.prepare(self, args, returns, argtypes)
        return self._enter(task, address, name, prepared.place, prepared.collect)

    def _enter(
        self, task: Task, address: int, name: str, place: Callable[[], None], collect: Callable[[], Any]
    ) -> Pending:
        call = HostCall(address, name, collect)
        self.scheduler.load(task)
        call.saved = self._parked.pop(task.tid, b"") or self.cpu.save()
        place()
        self.cpu.set_return_address(self.stubs.base)
        self.cpu.enter(address)
        task.wait = None
        task.pc = self.recorder.pc = self.cpu.code_address(address)
        self.calls.setdefault(task.tid, []).append(call)
        self.recorder.repeat("call-enter", task.tid, _CALLED, (name,))
        return Pending(self, call, task.tid)

    def callback(self, function: Callable[..., Any], argtypes: Sequence[Any], returns: Any) -> int:
        """Address of a C function that calls a Python one; it stays for the life of the process."""
        self.callbacks.append((function, argtypes, returns))
        return self.stubs.add("callback", getattr(function, "__name__", "callback"), len(self.callbacks) - 1)

    def _return_from_call(self, task: Task) -> None:
        call = self.calls[task.tid].pop()
        try:
            call.result = call.collect()
        finally:
            call.done = True
            self.recorder.repeat("call-exit", task.tid, _CALLED, (call.name,))
            self.cpu.restore(call.saved)
            self._parked[task.tid] = call.saved
            park(task)

    def run_calls(self, pending: Sequence[Pending]) -> None:
        """Run until all these calls have returned."""
        if len(pending) == 1:
            call = pending[0].call
            self._run(lambda: call.done)
        else:
            self._run(lambda: all(p.call.done for p in pending))
        for each in pending:
            self.recorder.pc = self.kernel.tasks[each.tid].pc
            self.recorder.repeat("call-result", each.tid, _CALLED, (each.call.name,))

    def _call_words(self, function: str, *words: int) -> int:
        """Call a function of the C library with machine words, on the loading thread if that is free."""
        task = self.main_task if idle(self.main_task) else self._any_idle()
        pending = self._enter_words(task, function, words)
        self.run_calls([pending])
        return int(pending.call.result)

    def _enter_words(self, task: Task, function: str, words: Sequence[int]) -> Pending:
        cpu = self.cpu

        def place() -> None:
            cpu.sp = (cpu.sp - RED_ZONE) & -16
            for register, word in zip(cpu.argument_registers(), words, strict=False):
                cpu.set_register(register, word)

        return self._enter(task, self.libc_function(function), function, place, cpu.word_result)

    def _any_idle(self) -> Task:
        for task in self.kernel.tasks.values():
            if idle(task):
                return task
        raise UsageError("every thread is in a call")

    # -- running -----------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether the guest process is over."""
        return self.kernel.exit_status is not None or self.kernel.exit_signal is not None

    def _run(self, until: Callable[[], bool]) -> None:
        """Run the scheduler until a condition holds; every other end becomes an exception with a report."""
        kernel = self.kernel

        def over() -> bool:
            return (
                until()
                or self._failure is not None
                or kernel.exit_status is not None
                or kernel.exit_signal is not None
            )

        try:
            self.scheduler.run(over)
        except (Stuck, OutOfTime, RecorderFull, BoundExceeded) as error:
            raise self._cut_short(error) from None
        if self._failure is not None or kernel.bound_reached or (self.ended and not until()):
            raise self._cut_short(None)

    def _cut_short(self, error: Exception | None) -> ReportedError:
        """Why the run did not get to where it was to go; `error` is what the scheduler says of it."""
        from emuload.process import diagnosis

        if isinstance(error, Stuck):
            return Deadlock(diagnosis.deadlock(self))
        if error is not None:
            return BoundReached(diagnosis.bound(self, str(error)))
        if self._failure is not None:
            return GuestFailed(self._failure)
        if self.kernel.bound_reached:
            return BoundReached(diagnosis.bound(self, self.kernel.bound_reached))
        return GuestFailed(diagnosis.ended(self), self.kernel.exit_status)

    def _fail(self, headline: str, reason: str, task: Task) -> None:
        from emuload.process import diagnosis

        self._failure = diagnosis.failure(self, headline, reason, task)

    def run_until(self, until: Callable[[], bool] | int) -> None:
        """Let the guest run, with no call made, until `until()` is true or for that many virtual nanoseconds."""
        self.start()
        if isinstance(until, int):
            target = self.clock.now() + until
            self.kernel.alarm_host(target)
            self._run(lambda: self.clock.now() >= target)
        else:
            self._run(until)

    def run_program(self) -> int:
        """Run the program to its end: its exit status. Raises GuestFailed when a signal kills it."""
        if self.options.program is None:
            raise UsageError("there is no program to run")
        self._run(lambda: self.kernel.exit_status is not None)
        assert self.kernel.exit_status is not None
        return self.kernel.exit_status

    def thread(self) -> Thread:
        """A further foreign thread, made by pthread_create, parked until it is given a call."""
        self.start()
        before = set(self.kernel.tasks)
        slot = self.host_memory.allocate(16)
        error = self._call_words("pthread_create", slot, 0, self.libc_function("__emu_foreign_main"), 0)
        if error:
            raise UsageError(f"pthread_create: error {error}")
        made = next(task for tid, task in self.kernel.tasks.items() if tid not in before and not task.exited)
        made.role = "foreign"
        self._run(lambda: idle(made))
        return Thread(self, made.tid)

    def exit(self, status: int = 0) -> int:
        """Run the guest's exit(status): atexit handlers and destructors. Returns the exit status."""
        if self._started and not self.ended:
            pending = self._enter_words(self._any_idle(), "exit", [status])
            self._run(lambda: self.kernel.exit_status is not None or pending.call.done)
        if self.instruction_log is not None:
            self.instruction_log.close()
        return self.kernel.exit_status if self.kernel.exit_status is not None else status

    # -- the linker --------------------------------------------------------------------------------------------

    def dlopen(self, path: str, flags: str = "now|global") -> Library:
        """dlopen on the loading thread. `flags` joins names of FLAGS with "|". Raises LoadError, UsageError."""
        bits = 0
        for name in flags.split("|"):
            if name not in FLAGS:
                raise UsageError(f"unknown dlopen flag {name!r}: choose from {', '.join(FLAGS)}")
            bits |= FLAGS[name]
        if not bits & 3:
            bits |= FLAGS["now"]
        self.files.name(path)
        self.start(first=path)
        handle = self._call_with_string("dlopen", path, bits)
        if not handle:
            raise self._linker_error(path)
        return Library(self, path, handle)

    def dlsym(self, handle: Library | str, name: str) -> int:
        """Address of a symbol: in a library, or from DEFAULT or NEXT. Raises LoadError with the linker's words."""
        self.start()
        number = {DEFAULT: 0, NEXT: -1 & self.cpu.abi.word_mask}[handle] if isinstance(handle, str) else handle.handle
        address = self._call_with_string("dlsym", name, handle_first=number)
        if not address:
            raise self._linker_error("")
        return address

    def dlclose(self, library: Library) -> None:
        """dlclose on the loading thread. Raises LoadError when the linker refuses."""
        if self._call_words("dlclose", library.handle):
            raise self._linker_error(library.path)

    def _call_with_string(self, function: str, text: str, *more: int, handle_first: int | None = None) -> int:
        at = self.host_memory.store(text_bytes(text) + b"\0")
        words = (at, *more) if handle_first is None else (handle_first, at, *more)
        try:
            return self._call_words(function, *words)
        finally:
            self.host_memory.free(at)

    def _linker_error(self, path: str) -> LoadError:
        address = self._call_words("dlerror")
        words = self.cpu.memory.read_cstring(address).decode(errors="replace") if address else "unknown error"
        known = self.libc.refusal
        where, code = (known.where, known.code) if known is not None else ("", "invalid")
        prefix = f"{path}: "
        return LoadError(path if words.startswith(prefix) else "", where, words.removeprefix(prefix), code)

    def _missing(self, name: str, requester: LinkedObject) -> int | None:
        """A gate for a C library function that the emulated library lacks; None for a symbol that is no such function."""
        from emuload.libc.names import is_libc_function

        return self.stubs.missing(name) if is_libc_function(name) else None

    def _on_link_event(self, kind: str, fields: dict[str, Any]) -> None:
        task = self.kernel.current
        path = fields["object"]
        shown = {name: _counted(value) if isinstance(value, dict) else value for name, value in fields.items()}
        self.recorder.emit(kind, task.tid if task is not None else 0, **shown)
        if kind == "warning" and self.profile.prints_warnings:
            self._print(f"{self.program_name}: {fields['message']}\n")
        elif kind == "preload-refused" and fields["message"]:
            self._print(f"{fields['message']}\n")
        elif kind == "object-relocated":
            loaded = next(o for o in self.link_map.objects if o.path == path)
            tracker = self.watches.add(loaded)
            if tracker is not None and self._go_imports:
                self._tell_imports(tracker.library, path)
            if self.instruction_log is not None:
                self.instruction_log.mapped(loaded)
        elif kind == "object-unmapped" and self.instruction_log is not None:
            self.instruction_log.unmapped(fields["address"])

    def _print(self, text: str) -> None:
        """What the linker itself writes to the guest's standard error."""
        description = self.kernel.files.get(2)
        if description is not None:
            description.write(self.kernel, text_bytes(text))

    def _tell_imports(self, library: GoLibrary, path: str) -> None:
        from emuload.golang.imports import package_imports

        task = self.kernel.current
        pairs = [f"{importer} {imported}" for importer, imported in package_imports(library)]
        self.recorder.emit("go-package-imports", task.tid if task is not None else 0, object=path, imports=pairs)

    @cached_property
    def unwinder(self) -> Unwinder:
        """Unwinds this process's threads, keeping what it has read of each file."""
        from emuload.unwind import Unwinder

        return Unwinder()

    def describe_address(self, address: int) -> str:
        """A code address as `function+offset (object)`."""
        from emuload.unwind import describe

        return describe(address, self.link_map.objects)

    def describe_data(self, address: int) -> str:
        """A data address as the nearest symbol's name, or in hexadecimal."""
        found = self.link_map.object_at(address)
        if found is not None and address == found.start:
            return found.path
        if found is not None:
            for symbol in found.exports():
                start = found.bias + symbol.value
                if symbol.size and start <= address < start + symbol.size:
                    return f"{symbol.text} ({address:#x})"
            return f"{address:#x} in {found.path}"
        return f"{address:#x}"

    # -- what a run shows --------------------------------------------------------------------------------------

    @property
    def stdout(self) -> bytes:
        """What the guest wrote to descriptor 1 so far."""
        return self.files.fs.output.of(1)

    @property
    def stderr(self) -> bytes:
        """What the guest wrote to descriptor 2 so far."""
        return self.files.fs.output.of(2)

    @property
    def events(self) -> list[Event]:
        """Everything that happened so far."""
        return self.recorder.events

    def handoff(self) -> list[Row]:
        """The handoff of every Go library in the process, step by step."""
        from emuload.golang.handoff import handoff_table

        return handoff_table(self.events)
