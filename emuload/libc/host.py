"""The host's side of the emulated C library: what it asks of the linker, and the events it reports.

The calls and their arguments are those of `src/host.h`. Everything the library itself does lives in guest memory; here is only
what belongs to the link map, as plain data: operations under way (constructors still to be run) and each thread's last error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from emuload.kernel import errno
from emuload.kernel.dispatch import BLOCKED, SWITCH, Result
from emuload.kernel.signals import force_fault
from emuload.kernel.task import Task, Wait
from emuload.libc.builtins import LIBGCC
from emuload.libc.events import EVENTS, WAITS
from emuload.libc.link_maps import LinkMaps, shown_name
from emuload.libc.operations import Operations
from emuload.machine.memory import MemoryFault, OutOfMemory, text_bytes
from loader.errors import LoadError
from loader.gabi import STT_GNU_IFUNC, STT_TLS
from loader.lazy import Slot
from loader.link_map import MAIN, NEXT, LinkMap, ResolverCall
from loader.lookup import symbol_at
from loader.memory import PROT_READ, PROT_WRITE
from loader.objects import LinkedObject, symbol_address
from loader.pending import Linking
from loader.profiles import headers_of
from loader.search import directories, directory_of

if TYPE_CHECKING:
    from emuload.kernel.fs.attached import Kernel
    from emuload.kernel.initial_stack import InitialStack
    from emuload.machine.cpu import Cpu
    from emuload.trace.events import Recorder

EM_BASE = 0x454D0000
(
    IDLE, EVENT, DL_OPEN, DL_NEXT, DL_SYM, DL_CLOSE, DL_ITERATE, DL_ADDR, DL_ERROR, DL_STARTUP, DL_SHUTDOWN,
    TLS_SIZE, TLS_INIT, TLS_GET, INFO, DL_INFO, TLS_FREE, DL_BIND, DL_BOUND, DL_FOUND, DL_PIN, DL_FIND, DL_UNWINDER,
) = range(EM_BASE, EM_BASE + 23)  # fmt: skip

STOPS_FIRST = frozenset({DL_OPEN, DL_CLOSE, DL_NEXT, DL_STARTUP, DL_BIND})
"""Calls that map, make or unmap code: answered with the CPU stopped."""

(
    LOCK_CONSTRUCTORS, LINKER_RUNS_INIT, WIDE_OFFSETS, LOCK_START, LOCK_NEW_THREADS, LOCK_ITERATING, WAIT_CONSTRUCTORS,
    LOCK_EXIT, UNFINISHED, SHUTDOWN_LAST, SHUTDOWN_LATE, LOCK_UNWINDER, LOCK_THREAD_DTORS, LOCK_BINDING, ITERATION_LOCK,
) = (1 << bit for bit in range(15))  # fmt: skip
"""enum em_info_flag."""
FOUND_NOTHING, FOUND_ADDRESS, FOUND_RESOLVER, FOUND_TLS = range(4)
"""enum em_found."""
BIND_DONE, BIND_RESOLVE, BIND_FAILED, BIND_LOCK = range(4)
"""enum em_bind."""
STACK_GUARD = 0x5DEECE66D1234500
RTLD_DI_LMID, RTLD_DI_LINKMAP, RTLD_DI_SERINFO, RTLD_DI_SERINFOSIZE, RTLD_DI_ORIGIN = 1, 2, 4, 5, 6
RTLD_DI_TLS_MODID, RTLD_DI_TLS_DATA, RTLD_DI_PHDR = 9, 10, 11


class Host(Protocol):
    """The parts of the process that are used here."""

    cpu: Cpu
    kernel: Kernel
    link_map: LinkMap
    recorder: Recorder
    stack: InitialStack
    program_name: str


class LibcHost:
    """Answers the emulated C library's host calls for one process."""

    stops_first = STOPS_FIRST

    def __init__(self, host: Host) -> None:
        self._host = host
        self.link_maps = LinkMaps(host)
        self._operations = Operations(host, self.link_maps, self._refuse)
        self.unfinished: tuple[Linking, ResolverCall] | None = None
        """The rest of the start-up relocation, and the resolver that has to be called first."""
        self._errors: dict[int, str] = {}
        self.refusal: LoadError | None = None
        """The linker's last error, with the place in the file that its words leave out."""
        self.areas: dict[int, int] = {}
        """Thread pointer of each living thread's TLS area, by the area's address."""

    def call(self, cpu: Cpu, task: Task, number: int, arguments: Sequence[int]) -> Result:
        """One host call of the task whose registers are live: a value for the result register, BLOCKED, or SWITCH where
        the guest gave an address that it cannot use itself: it gets the signal it would have got in a real C library.
        """
        name = _HANDLERS.get(number)
        if name is None:
            return -errno.ENOSYS
        handler: Callable[[Task, Sequence[int]], Result] = getattr(self, name)
        try:
            return handler(task, arguments)
        except MemoryFault as fault:
            force_fault(self._host.kernel, cpu, task, cpu.data_fault(fault.address, fault.access))
            return SWITCH

    # -- threads and events --------------------------------------------------------------------------------------

    def _idle(self, task: Task, arguments: Sequence[int]) -> Result:
        task.wait = Wait(kind="host", what="work from the host", interruptible=False)
        return BLOCKED

    def _event(self, task: Task, arguments: Sequence[int]) -> Result:
        number = arguments[0]
        if number >= len(EVENTS):
            return -errno.EINVAL
        kind, names = EVENTS[number]
        wait = WAITS.get(kind)
        if wait is not None:
            what, owner = wait
            task.blocked_on = (what, arguments[1], arguments[owner] if owner else 0) if what else None
        if self._host.recorder.enabled:
            self._host.recorder.repeat(kind, task.tid, names, tuple(arguments[1 : 1 + len(names)]))
        return 0

    # -- TLS -----------------------------------------------------------------------------------------------------

    def new_main_thread(self) -> int:
        """Map and fill the main thread's TLS area; its thread pointer."""
        tls = self._host.link_map.tls
        room = tls.area_size + tls.area_align
        try:
            base = self._host.cpu.memory.map(None, room, PROT_READ | PROT_WRITE, "[tls]")
        except OutOfMemory as error:
            biggest = max(tls.modules.values(), key=lambda module: module.size + module.align)
            where = f"PT_TLS of {biggest.size} bytes, aligned to {biggest.align:#x}: {error}"
            message = "cannot allocate TLS data structures for initial thread"
            raise LoadError(biggest.object.path, where, message) from None
        return self._new_block(0, -(-base // tls.area_align) * tls.area_align)

    def _new_block(self, creator: int, area: int) -> int:
        tp = self._tls_fill(area)
        self._host.recorder.emit("tls-block", creator, area=area, thread_pointer=tp)
        return tp

    def _tls_fill(self, area: int) -> int:
        memory = self._host.cpu.memory
        tp = self._host.link_map.tls.init_thread(memory, area, STACK_GUARD & self._host.cpu.abi.word_mask)
        self.areas[area] = tp
        return tp

    def thread_pointers(self) -> list[int]:
        """The thread pointers of all threads that have a TLS area."""
        return list(self.areas.values())

    def _tls_size(self, task: Task, arguments: Sequence[int]) -> Result:
        tls = self._host.link_map.tls
        self.link_maps.put(arguments[0], tls.area_size, tls.area_align, tls.tp_offset)
        return 0

    def _tls_init(self, task: Task, arguments: Sequence[int]) -> Result:
        return self._new_block(task.tid, arguments[0])

    def _tls_free(self, task: Task, arguments: Sequence[int]) -> Result:
        self.areas.pop(arguments[0], None)
        return 0

    def _tls_get(self, task: Task, arguments: Sequence[int]) -> Result:
        tls = self._host.link_map.tls
        module = tls.use_dynamically(arguments[0])
        if module is None:
            return -errno.EINVAL
        place = tls.static_block(module, self._host.cpu.tp) if module.offset is not None else 0
        self.link_maps.put(arguments[1], module.size, module.align, module.image, module.image_size, place)
        return 0

    # -- dlopen and friends --------------------------------------------------------------------------------------

    def _dl_open(self, task: Task, arguments: Sequence[int]) -> Result:
        path, flags, caller = arguments[:3]
        links = self._host.link_map
        name = self._text(path) if path else ""
        emit = self._host.recorder.emit
        emit("dlopen-enter", task.tid, name=name, flags=flags)
        try:
            if name and self._operations.exiting and links.profile.refuses_while_exiting:
                raise LoadError(name, "", "the program is exiting", "exiting")
            linking = links.open(name or None, flags & 0xFFFFFFFF, links.object_at(caller))
        except LoadError as error:
            self._refuse(task, error, "dlopen")
            emit("dlopen-exit", task.tid, name=name, error=str(links.profile.worded(error, "dlopen")))
            return 0
        return self._operations.open(linking, name)

    def _refuse(self, task: Task, error: LoadError, doing: str) -> None:
        """Keep an error for the thread's dlerror."""
        self.refusal = error
        self._errors[task.tid] = self._host.link_map.profile.dlerror(error, doing)

    def _dl_next(self, task: Task, arguments: Sequence[int]) -> Result:
        number, out, answer = arguments[:3]
        wanted, value = self._operations.next(task, number, answer)
        self.link_maps.put(out, *(*wanted.words, 0, 0, 0, 0)[:4], value)
        return wanted.code

    def _dl_close(self, task: Task, arguments: Sequence[int]) -> Result:
        links = self._host.link_map
        handle = self.link_maps.handle(arguments[0])
        emit = self._host.recorder.emit
        shown = f"{arguments[0]:#x}"
        emit("dlclose-enter", task.tid, object=handle.path if isinstance(handle, LinkedObject) else "")
        try:
            if not isinstance(handle, LinkedObject) and handle is not MAIN:
                raise LoadError("", "", "invalid handle", "handle")
            objects = links.dlclose(handle) if isinstance(handle, LinkedObject) else []
        except LoadError as error:
            error.facts["handle"] = shown
            self._refuse(task, error, "dlclose")
            emit("dlclose-exit", task.tid, error=str(links.profile.worded(error, "dlclose")))
            return 0
        return self._operations.close(objects)

    def _dl_startup(self, task: Task, arguments: Sequence[int]) -> Result:
        """Phase 0: what was left to relocate when the process was mapped. Phases 1 and 2: see `Operations.startup`. Phase 3:
        the program runs its constructors itself."""
        phase = arguments[0]
        if phase == 0 and self.unfinished is not None:
            unfinished, self.unfinished = self.unfinished, None
            return self._operations.link(*unfinished)
        if phase not in (1, 2):
            return 0
        self._host.recorder.emit("startup-enter", task.tid, phase=phase)
        return self._operations.startup(task, phase)

    def _dl_shutdown(self, task: Task, arguments: Sequence[int]) -> Result:
        self._host.recorder.emit("shutdown-enter", task.tid)
        return self._operations.shutdown()

    def _dl_pin(self, task: Task, arguments: Sequence[int]) -> Result:
        """A thread-local object whose destructor lies in the object at an address has come (1) or gone (-1)."""
        address, change = arguments[0], self._host.cpu.abi.signed(arguments[1])
        links = self._host.link_map
        pinned = links.object_at(address) or links.main
        objects = links.pin(pinned, change) if pinned is not None else []
        return self._operations.close(objects) if objects else 0

    # -- binding at the first call -------------------------------------------------------------------------------

    def _dl_bind(self, task: Task, arguments: Sequence[int]) -> Result:
        """Answer enum em_bind: the target of a PLT slot, the IFUNC resolver that decides it, or the words for a missing
        symbol."""
        place, index, out = arguments[:3]
        links = self._host.link_map
        bindings = links.state.bindings
        try:
            obj = self.link_maps.object(place)
            if obj is None:  # the guest has overwritten its GOT
                raise LoadError("", "", f"no link map at {place:#x}")
            slot = links.slot(obj, index)
        except LoadError as error:
            text = f"{self._host.program_name}: symbol lookup error: {error.linker_text}\n"
            self.link_maps.put(out, self.link_maps.string(text))
            return BIND_FAILED
        if links.state.bindings != bindings and links.profile.locks.new_bindings:
            return BIND_LOCK
        if slot.resolver:
            self.link_maps.put(out, slot.found.address)
            return BIND_RESOLVE
        self.link_maps.put(out, self._bound(task, obj, slot, slot.found.address))
        return BIND_DONE

    def _dl_bound(self, task: Task, arguments: Sequence[int]) -> Result:
        """The resolver that `_dl_bind` named has answered."""
        place, index, target = arguments[:3]
        obj = self.link_maps.object(place)
        if obj is None:  # its resolver has closed it
            return target
        return self._bound(task, obj, self._host.link_map.slot(obj, index), target)

    def _bound(self, task: Task, obj: LinkedObject, slot: Slot, target: int) -> int:
        name = slot.found.symbol.text if slot.found.symbol is not None else ""
        self._host.recorder.emit("slot-bound", task.tid, object=obj.path, symbol=name, target=target)
        return self._host.link_map.fill_slot(slot, target)

    # -- asking --------------------------------------------------------------------------------------------------

    def _dl_sym(self, task: Task, arguments: Sequence[int]) -> Result:
        """enum em_found: an address, an IFUNC's resolver, or a module and an offset in it; with the latter two the guest
        comes back by `_dl_found`."""
        number, name, version, caller, out = arguments[:5]
        links = self._host.link_map
        emit = self._host.recorder.emit
        wanted = self._text(name)
        emit("dlsym-enter", task.tid, name=wanted, handle=number)
        try:
            handle = self.link_maps.handle(number)
            if handle is None:
                raise LoadError("", "", "invalid handle", "handle", handle=f"{number:#x}")
            requester = links.object_at(caller)
            if handle is NEXT and requester is None:
                raise LoadError("", "", "RTLD_NEXT used in code not dynamically loaded", "next")
            found = links.lookup(handle, wanted, self._text(version) if version else None, requester)
        except LoadError as error:
            self._refuse(task, error, "dlsym")
            emit("dlsym-exit", task.tid, error=str(links.profile.worded(error, "dlsym")))
            return FOUND_NOTHING
        symbol, obj = found.symbol, found.object
        assert symbol is not None
        assert obj is not None
        if symbol.type == STT_TLS:
            self.link_maps.put(out, obj.tls_module, symbol.value)
            return FOUND_TLS
        self.link_maps.put(out, found.address, 0)
        if symbol.type == STT_GNU_IFUNC:
            return FOUND_RESOLVER
        emit("dlsym-exit", task.tid, value=found.address)
        return FOUND_ADDRESS

    def _dl_found(self, task: Task, arguments: Sequence[int]) -> Result:
        self._host.recorder.emit("dlsym-exit", task.tid, value=arguments[0])
        return 0

    def _dl_error(self, task: Task, arguments: Sequence[int]) -> Result:
        text = text_bytes(self._errors.pop(task.tid, ""))
        if text and arguments[1]:
            self._host.cpu.memory.write(arguments[0], text[: arguments[1] - 1] + b"\0")
        return len(text)

    def _dl_iterate(self, task: Task, arguments: Sequence[int]) -> Result:
        """struct dl_phdr_info: addr, name, phdr, phnum (u16), then u64 adds, subs, and tls_modid, tls_data."""
        index, out = arguments[:2]
        links = self._host.link_map
        objects = links.objects
        if index >= len(objects):
            return 0
        loaded = objects[index]
        word = self._host.cpu.abi.word
        name = self.link_maps.string(shown_name(loaded))
        block = links.tls.block(links.memory, self._host.cpu.tp, loaded.tls_module) if loaded.tls_module else 0
        record = b"".join(v.to_bytes(word, "little") for v in (loaded.bias & self._host.cpu.abi.word_mask, name, loaded.phdr))
        record += loaded.elf.phnum.to_bytes(word, "little")
        record = record.ljust(-(-len(record) // 8) * 8, b"\0")
        record += links.loads.to_bytes(8, "little") + (links.loads - len(objects)).to_bytes(8, "little")
        record += loaded.tls_module.to_bytes(word, "little") + block.to_bytes(word, "little")
        self._host.cpu.memory.write(out, record)
        return 1

    def _dl_addr(self, task: Task, arguments: Sequence[int]) -> Result:
        address, out = arguments[:2]
        maps = self.link_maps
        loaded = self._host.link_map.object_at(address)
        if loaded is None:
            return 0
        path = self._host.program_name if loaded.is_main else loaded.path
        words = [maps.string(path), loaded.start, 0, 0, maps.place(loaded), 0]
        nearest = symbol_at(loaded, address)
        if nearest is not None:
            words[2:4] = maps.string(nearest.name), symbol_address(loaded, nearest)
            words[5] = loaded.symbol_entry(nearest)
        maps.put(out, *words)
        return 1

    def _dl_find(self, task: Task, arguments: Sequence[int]) -> Result:
        """struct em_dl_object of the object at an address."""
        address, out = arguments[:2]
        loaded = self._host.link_map.object_at(address)
        if loaded is None:
            return 0
        place = self.link_maps.place(loaded)
        self.link_maps.put(out, loaded.start, loaded.end, place, loaded.bias, loaded.phdr, loaded.elf.phnum)
        return 1

    def _dl_unwinder(self, task: Task, arguments: Sequence[int]) -> Result:
        """struct em_unwinder."""
        loaded = next((each for each in self._host.link_map.objects if each.soname == LIBGCC), None)
        functions = ("_Unwind_ForcedUnwind", "_Unwind_GetCFA")
        if loaded is None or not loaded.relocated or any(loaded.symbol(name) is None for name in functions):
            return 0
        self.link_maps.put(arguments[0], *map(loaded.address, functions))
        return 1

    def _dl_info(self, task: Task, arguments: Sequence[int]) -> Result:
        number, request, out = arguments[:3]
        handle = self.link_maps.handle(number)
        links, maps = self._host.link_map, self.link_maps
        if not isinstance(handle, LinkedObject):
            self._errors[task.tid] = "invalid handle"
            return -errno.EINVAL
        if request == RTLD_DI_LMID:
            maps.put(out, 0)
        elif request == RTLD_DI_LINKMAP:
            maps.put(out, maps.place(handle))
        elif request in (RTLD_DI_SERINFO, RTLD_DI_SERINFOSIZE):
            folders = [*directories(handle, links.state.library_path, links.main, links.profile.expand), *links.profile.folders]
            maps.search_info(out, folders, with_paths=request == RTLD_DI_SERINFO)
        elif request == RTLD_DI_ORIGIN:
            folder = directory_of(handle)
            kernel = self._host.kernel
            origin = folder if folder.startswith("/") else f"{kernel.fs.path_of(kernel.files.cwd)}/{folder}"
            self._host.cpu.memory.write(out, text_bytes(origin) + b"\0")
        elif request == RTLD_DI_TLS_MODID:
            maps.put(out, handle.tls_module)
        elif request == RTLD_DI_TLS_DATA:
            maps.put(out, links.tls.block(links.memory, self._host.cpu.tp, handle.tls_module) if handle.tls_module else 0)
        elif request == RTLD_DI_PHDR:
            maps.put(out, handle.phdr)
            count: int = handle.elf.phnum
            return count
        else:
            self._errors[task.tid] = "unsupported dlinfo request"
            return -errno.EINVAL
        return 0

    def _info(self, task: Task, arguments: Sequence[int]) -> Result:
        stack, links = self._host.stack, self._host.link_map
        locks = links.profile.locks
        flags = (
            (LOCK_CONSTRUCTORS if locks.in_constructors else 0)
            | (LOCK_START if locks.at_start else 0)
            | (LOCK_NEW_THREADS if locks.new_threads else 0)
            | (LOCK_ITERATING if locks.iterating else 0)
            | (LOCK_EXIT if locks.at_exit else 0)
            | (LOCK_UNWINDER if locks.opening_unwinder else 0)
            | (LOCK_THREAD_DTORS if locks.thread_destructors else 0)
            | (LOCK_BINDING if locks.new_bindings else 0)
            | (ITERATION_LOCK if locks.iteration else 0)
            | (WAIT_CONSTRUCTORS if locks.waits_for != "nobody" else 0)
            | {"last": SHUTDOWN_LAST, "late": SHUTDOWN_LATE, "early": 0}[links.profile.shutdown]
        )
        if self.unfinished is not None:
            flags |= UNFINISHED
        for headers in {headers_of(loaded.elf.needed) for loaded in links.objects}:
            if headers is not None:
                flags |= (LINKER_RUNS_INIT if headers.linker_runs_init else 0) | (WIDE_OFFSETS if headers.wide_offsets else 0)
        entry = links.main.entry if links.main is not None else 0
        page = links.page_size
        self.link_maps.put(
            arguments[0], stack.argc, stack.argv, stack.envp, stack.auxv, page, stack.low, stack.high, entry, flags
        )
        return 0

    def _text(self, address: int) -> str:
        return self._host.cpu.memory.read_cstring(address).decode("utf-8", "surrogateescape")


_HANDLERS = {
    IDLE: "_idle", EVENT: "_event", DL_OPEN: "_dl_open", DL_NEXT: "_dl_next", DL_SYM: "_dl_sym", DL_CLOSE: "_dl_close",
    DL_ITERATE: "_dl_iterate", DL_ADDR: "_dl_addr", DL_ERROR: "_dl_error", DL_STARTUP: "_dl_startup",
    DL_SHUTDOWN: "_dl_shutdown", TLS_SIZE: "_tls_size", TLS_INIT: "_tls_init", TLS_GET: "_tls_get", INFO: "_info",
    DL_INFO: "_dl_info", TLS_FREE: "_tls_free", DL_BIND: "_dl_bind", DL_BOUND: "_dl_bound", DL_FOUND: "_dl_found",
    DL_PIN: "_dl_pin", DL_FIND: "_dl_find", DL_UNWINDER: "_dl_unwinder",
}  # fmt: skip
