"""Wires the dynamic linker of one process: the loader's link map, the guest's C library, files, Go's watch points.

The rules of linking are the loader's (`loader.link_map`), the guest's side of them the C library's (`emuload.libc`). Here both
get what they need of the process, and the link map's events go where they belong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emuload.golang.watches import Watches
from emuload.kernel.fs.attached import Kernel
from emuload.kernel.initial_stack import InitialStack, ProgramHeaders, build_stack, map_stack
from emuload.kernel.task import Task
from emuload.libc.builtins import LIBC, RUNTIME_NAMES, builtins_for, fallbacks_for, hard_float
from emuload.libc.host import LibcHost
from emuload.libc.link_maps import RT_CONSISTENT
from emuload.machine.cpu import Cpu
from emuload.machine.memory import text_bytes
from emuload.process.guest_files import GuestFiles
from emuload.process.host_calls import NamedFunction
from emuload.process.host_stubs import HostStubs
from emuload.process.options import Options, paths_in
from loader.errors import LoadError
from loader.link_map import LinkMap
from loader.objects import LinkedObject

if TYPE_CHECKING:
    from emuload.golang.library import GoLibrary
    from emuload.process.instruction_log import InstructionLog

MOST_UNLOADED = 32
"""Unloaded objects that are kept for reports."""


class Linker:
    """The dynamic linker of one process; `emuload.libc.host` finds here what it needs of the process.

    `link_map` and `stack` exist after `link`.
    """

    link_map: LinkMap
    stack: InitialStack

    def __init__(
        self,
        options: Options,
        cpu: Cpu,
        kernel: Kernel,
        files: GuestFiles,
        stubs: HostStubs,
        log: InstructionLog | None,
    ) -> None:
        self.options = options
        self.profile = options.profile
        self.cpu = cpu
        self.kernel = kernel
        self.recorder = kernel.events
        self.files = files
        self.stubs = stubs
        self.log = log
        self.program_name = options.program_name
        self.watches = Watches(cpu, kernel, self.recorder, options.env)
        self.libc = LibcHost(self)
        self.hard_float = True
        """The C library in use, and so the file that chose it, passes floats in floating-point registers."""
        self._linked = False
        self.unloaded: dict[int, LinkedObject] = {}
        """The object that was unloaded last at an address, for reports about code that is still in it."""
        self._relocated: dict[int, LinkedObject] = {}

    def objects(self) -> Sequence[LinkedObject]:
        """The objects in the link map, in its order; none before `link`."""
        return self.link_map.objects if self._linked else ()

    def link(self, first: str | None) -> None:
        """Map and relocate everything that is linked at start-up, and build the main thread's stack; no guest code runs.

        The C library's build is chosen by the ABI of the program, else of the first library needed, else of the file `first`.
        Raises LoadError for a file that the linker refuses.
        """
        options, memory, abi = self.options, self.cpu.memory, self.cpu.abi
        self.files.host.within = list(options.library_path)
        self.cpu.map_kernel_pages(**({} if options.kuser_helpers else {"kuser_helpers": False}))
        map_stack(memory, abi)
        sample = options.program or (options.needed[0] if options.needed else first)
        content = self.files.host_bytes(sample) if sample else None
        self.hard_float = hard_float(options.arch, content)
        self.link_map = self._make_link_map()
        self._linked = True
        self.link_map.owner.identify = self.libc.link_maps.place
        for path in (*options.preload, *options.needed):
            self.files.name(path)
        self.files.default_folders = self.profile.folders
        self._link_start(content, paths_in(options.environment.get("LD_PRELOAD", ""), ": "))
        self.stack = build_stack(
            memory, abi, options.args, options.env, self.kernel.entropy.bytes(16), self._program_headers(),
            text_bytes(self.program_name), self.files.fs.uid, self.link_map.page_size,
        )  # fmt: skip
        self.files.describe(options, self.stack)
        self.libc.link_maps.set_state(RT_CONSISTENT)
        self.link_map.owner.thread_pointers = self.libc.thread_pointers

    def _make_link_map(self) -> LinkMap:
        options, environment = self.options, self.options.environment
        return LinkMap(
            self.cpu.memory,
            options.arch,
            self.profile,
            finder=self.files.find_library,
            library_path=[*options.library_path, *paths_in(environment.get("LD_LIBRARY_PATH", ""), ":;")],
            builtins=builtins_for(options.arch, self.hard_float),
            fallbacks=fallbacks_for(options.arch, self.hard_float),
            runtime=RUNTIME_NAMES,
            missing=self._missing,
            on_event=self._on_event,
            bind_now=bool(environment.get("LD_BIND_NOW")),
            program=self.program_name,
        )

    def _link_start(self, program: bytes | None, preload: Sequence[str]) -> None:
        """Map and relocate the objects present at start-up, as far as no guest code has to run for it."""
        options, links = self.options, self.link_map
        linked = [*options.preload, *options.needed]
        try:
            if options.program is not None:
                assert program is not None
                linking = links.start((options.program, program), linked, preload)
            else:
                linking = links.start(None, [*linked, LIBC], preload)
            builtin = next((loaded for loaded in links.objects if loaded.path == LIBC and loaded.is_builtin), None)
            if builtin is None:
                raise LoadError(options.program or "", "DT_NEEDED", "the program is not linked with a C library")
            self._builtin = builtin
            self.libc.link_maps.attach()
            call = links.relocate(linking)
        except LoadError as error:
            raise self.profile.worded(error, "start", self.program_name) from None
        if call is not None:
            self.libc.unfinished = linking, call
            links.defer_tls_images()

    def _program_headers(self) -> ProgramHeaders:
        main = self.link_map.main
        if main is None:
            return ProgramHeaders()
        return ProgramHeaders(main.phdr, main.elf.layout.phdr.size, main.elf.phnum, main.entry)

    def spawn_main(self) -> Task:
        """Make the main thread, about to run the C library's start code. Raises LoadError if its TLS finds no room."""
        cpu = self.cpu
        cpu.restore(cpu.fresh_context())
        cpu.sp = self.stack.sp
        cpu.tp = self.libc.new_main_thread()
        cpu.enter(self.libc_function("__emu_start").address)
        task = self.kernel.create_main_task(cpu.switch_out(), thread_pointer=cpu.tp)
        task.role = "loader"
        return task

    @property
    def libc_code(self) -> range:
        """Addresses of the emulated C library."""
        return range(self._builtin.start, self._builtin.end)

    def libc_function(self, name: str) -> NamedFunction:
        """A function of the emulated C library. KeyError if it has none of this name."""
        return NamedFunction(name, self._builtin.address(name))

    # -- the link map's questions and events -------------------------------------------------------------------

    def _missing(self, name: str, requester: LinkedObject) -> int | None:
        """A stub for a C library function that the emulated library lacks; None if the name is not one of those."""
        from emuload.libc.names import is_libc_function

        return self.stubs.missing(name) if is_libc_function(name) else None

    def _tid(self) -> int:
        """The thread on which an event happens now; 0 for none, at start-up."""
        return self.kernel.current.tid if self.kernel.current is not None else 0

    def _on_event(self, kind: str, fields: dict[str, Any]) -> None:
        shown = {name: _counted(value) if isinstance(value, dict) else value for name, value in fields.items()}
        self.recorder.emit(kind, self._tid(), **shown)
        if kind == "warning" and self.profile.prints_warnings:
            self._print(f"{self.program_name}: {fields['message']}\n")
        elif kind == "preload-refused" and fields["message"]:
            self._print(f"{fields['message']}\n")
        elif kind == "object-relocated":
            loaded = next(each for each in self.link_map.objects if each.path == fields["object"])
            self._relocated[loaded.start] = loaded
            tracker = self.watches.add(loaded)
            if tracker is not None and self.options.go_imports:
                self._emit_imports(tracker.library, loaded.path)
            if self.log is not None:
                self.log.mapped(loaded)
        elif kind == "object-unmapped":
            gone = self._relocated.pop(fields["address"], None)
            if gone is not None:
                self.unloaded.pop(gone.start, None)
                self.unloaded[gone.start] = gone
                if len(self.unloaded) > MOST_UNLOADED:
                    del self.unloaded[next(iter(self.unloaded))]
            if self.log is not None:
                self.log.unmapped(fields["address"])

    def _print(self, text: str) -> None:
        """Write a message of the linker itself to the guest's standard error."""
        description = self.kernel.files.get(2)
        if description is not None:
            description.write(self.kernel, text_bytes(text))

    def _emit_imports(self, library: GoLibrary, path: str) -> None:
        from emuload.golang.imports import package_imports

        pairs = [f"{importer} {imported}" for importer, imported in package_imports(library)]
        self.recorder.emit("go-package-imports", self._tid(), object=path, imports=pairs)


def _counted(counts: Mapping[str, int]) -> list[str]:
    """`name=count` texts."""
    return [f"{name}={count}" for name, count in counts.items()]
