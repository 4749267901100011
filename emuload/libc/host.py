"""The host's side of the emulated C library: what it asks of the linker, and the events it reports.

The calls and their arguments are those of `src/host.h`. Everything the library itself does lives in guest memory; here is only
what belongs to the link map, as plain data: operations under way (constructors still to be run) and each thread's last error.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from emuload.kernel import errno
from emuload.kernel.dispatch import BLOCKED, SWITCH, Result
from emuload.kernel.task import Task, Wait
from emuload.libc.builtins import built_for_musl
from emuload.libc.events import EVENTS, WAITS
from emuload.machine.memory import MemoryFault, OutOfMemory
from loader.constructors import Initializer
from loader.errors import LoadError
from loader.link_map import DEFAULT, MAIN, NEXT, Handle, LinkMap
from loader.objects import LinkedObject

if TYPE_CHECKING:
    from emuload.kernel.core import Kernel
    from emuload.machine.cpu import Cpu
    from emuload.startup import InitialStack
    from emuload.trace.events import Recorder, Value

EM_BASE = 0x454D0000
(
    IDLE, EVENT, DL_OPEN, DL_NEXT, DL_SYM, DL_CLOSE, DL_ITERATE, DL_ADDR, DL_ERROR, DL_STARTUP, DL_SHUTDOWN,
    TLS_SIZE, TLS_INIT, TLS_GET, INFO, DL_INFO, TLS_FREE,
) = range(EM_BASE, EM_BASE + 17)  # fmt: skip

STOPS_FIRST = frozenset({DL_OPEN, DL_CLOSE, DL_NEXT, DL_STARTUP})
"""Calls that map or unmap code: answered with the CPU stopped."""

LOCK_CONSTRUCTORS, LINKER_RUNS_INIT, WIDE_OFFSETS, LOCK_START, LOCK_NEW_THREADS, LOCK_ITERATING, WAIT_CONSTRUCTORS, LOCK_EXIT = (
    1, 2, 4, 8, 16, 32, 64, 128,
)  # fmt: skip
"""enum em_info_flag."""
NEXT_DONE, NEXT_CALL, NEXT_WAIT = range(3)
"""enum em_next."""
STACK_GUARD = 0x5DEECE66D1234500
_RTLD_DI_LINKMAP, _RTLD_DI_ORIGIN, _RTLD_DI_TLS_MODID, _RTLD_DI_TLS_DATA = 2, 6, 9, 10
_READ_WRITE = 3
_NAMED = (1, 2, 10)
"""STT_OBJECT, STT_FUNC, STT_GNU_IFUNC"""


class Host(Protocol):
    """What is needed of the process."""

    cpu: Cpu
    kernel: Kernel
    link_map: LinkMap
    recorder: Recorder
    stack: InitialStack


@dataclass(eq=False, repr=False)
class Step:
    """One function to be called for an operation."""

    object: LinkedObject
    index: int
    address: int
    kind: str


@dataclass(eq=False, repr=False)
class Operation:
    """A dlopen, dlclose, start or shutdown whose functions the guest still calls.

    `objects` have not been begun; `steps` are those of the object that has been, `current`; `running` is the one the guest
    is in.
    """

    kind: str
    objects: list[LinkedObject]
    value: int = 0
    steps: list[Step] = field(default_factory=list)
    current: LinkedObject | None = None
    running: Step | None = None
    release: list[LinkedObject] = field(default_factory=list)


class LibcHost:
    """Answers the emulated C library's host calls for one process."""

    stops_first = STOPS_FIRST

    def __init__(self, host: Host) -> None:
        self._host = host
        self._operations: dict[int, Operation] = {}
        self._next_operation = 1
        self._errors: dict[int, str] = {}
        self.refusal: LoadError | None = None
        """The linker's last error, with the place in the file that its words leave out."""
        self._constructing: dict[int, int] = {}
        """Which thread runs an object's constructors, by the object's index."""
        self._strings: dict[bytes, int] = {}
        self._string_room = (0, 0)
        self._link_maps: dict[int, int] = {}
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
            self._host.kernel.fault(cpu, task, cpu.data_fault(fault.address, fault.access))
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
            base = self._host.cpu.memory.map(None, room, _READ_WRITE, "[tls]")
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
        return self._put(arguments[0], tls.area_size, tls.area_align, tls.tp_offset)

    def _tls_init(self, task: Task, arguments: Sequence[int]) -> Result:
        return self._new_block(task.tid, arguments[0])

    def _tls_free(self, task: Task, arguments: Sequence[int]) -> Result:
        self.areas.pop(arguments[0], None)
        return 0

    def _tls_get(self, task: Task, arguments: Sequence[int]) -> Result:
        module = self._host.link_map.tls.use_dynamically(arguments[0])
        if module is None:
            return -errno.EINVAL
        return self._put(arguments[1], module.size, module.align, module.image, module.image_size)

    # -- dlopen and friends --------------------------------------------------------------------------------------

    def _dl_open(self, task: Task, arguments: Sequence[int]) -> Result:
        path, flags, caller = arguments[:3]
        links = self._host.link_map
        name = self._text(path) if path else None
        emit = self._host.recorder.emit
        emit("dlopen-enter", task.tid, name=name or "", flags=flags)
        try:
            handle, objects = links.dlopen(name, flags & 0xFFFFFFFF, links.object_at(caller))
        except LoadError as error:
            self._refuse(task, error, "dlopen")
            emit("dlopen-exit", task.tid, name=name or "", error=str(links.profile.told(error, "dlopen")))
            return 0
        return self._begin(Operation("dlopen", objects, self._number(handle)))

    def _refuse(self, task: Task, error: LoadError, doing: str) -> None:
        """Keep an error for the thread's dlerror."""
        self.refusal = error
        self._errors[task.tid] = self._host.link_map.profile.dlerror(error, doing)

    def _begin(self, operation: Operation) -> int:
        number = self._next_operation
        self._next_operation += 1
        self._operations[number] = operation
        return number

    @staticmethod
    def _number(handle: Handle | None) -> int:
        """What the guest holds as a handle: an object's link map index scaled so that it looks like a pointer."""
        if handle is None:
            return 0
        return handle.index << 4 if isinstance(handle, LinkedObject) else 8

    def _handle(self, number: int) -> Handle | None:
        if number == 0:
            return DEFAULT
        if number == self._host.cpu.abi.word_mask:
            return NEXT
        if number == 8:
            return MAIN
        return next((o for o in self._host.link_map.objects if o.index << 4 == number), None)

    def _dl_next(self, task: Task, arguments: Sequence[int]) -> Result:
        number, out = arguments[:2]
        operation = self._operations.get(number)
        if operation is None:
            return self._put(out, 0, 0, 0, 0, 0)
        links, emit = self._host.link_map, self._host.recorder.emit
        destructors = operation.kind in ("dlclose", "shutdown")
        word = "destructor" if destructors else "constructor"
        if operation.running is not None:
            done, operation.running = operation.running, None
            emit(f"{word}-exit", task.tid, object=done.object.path, index=done.index, address=done.address)
        while not operation.steps:
            self._leave(operation)
            if not operation.objects:
                break
            loaded = operation.objects[0]
            busy = self._constructing_elsewhere(loaded, operation, task)
            if busy is not None:
                self._put(out, busy.start, self._constructing[busy.index], 0, 0, operation.value)
                return NEXT_WAIT
            del operation.objects[0]
            rows = links.start_finalizers(loaded) if destructors else links.start_initializers(loaded)
            operation.steps = self._steps(loaded, rows)
            if rows and not destructors:
                operation.current = loaded
                self._constructing[loaded.index] = task.tid
        if operation.steps:
            step = operation.running = operation.steps.pop(0)
            given = self._constructor_arguments(destructors)
            begun: dict[str, Value] = {"object": step.object.path, "index": step.index, "address": step.address}
            begun |= {"array": step.kind} if destructors else {"array": step.kind, **given}
            self._host.recorder.record(f"{word}-enter", task.tid, begun)
            self._put(out, step.address, *given.values(), operation.value)
            return NEXT_CALL
        del self._operations[number]
        if operation.release:
            links.release(operation.release)
        emit(f"{operation.kind}-exit", task.tid, value=operation.value)
        self._put(out, 0, 0, 0, 0, operation.value)
        return NEXT_DONE

    def _leave(self, operation: Operation) -> None:
        """The constructors of the operation's object have all returned."""
        if operation.current is not None:
            del self._constructing[operation.current.index]
            self._host.link_map.finish_initializers(operation.current)
            operation.current = None

    def _constructing_elsewhere(self, loaded: LinkedObject, operation: Operation, task: Task) -> LinkedObject | None:
        """The object whose constructors in another thread this operation must wait for before it goes on with ``loaded``."""
        links = self._host.link_map
        match links.profile.locks.waits_for:
            case "same":
                waits = [loaded.index]
            case "any" if operation.kind == "dlopen":
                waits = list(self._constructing)
            case _:
                return None
        busy = next((i for i in waits if self._constructing.get(i, task.tid) != task.tid), None)
        return next((o for o in links.objects if o.index == busy), None)

    def _constructor_arguments(self, none: bool) -> dict[str, int]:
        """What a constructor is called with: 0 where the profile passes nothing, as for destructors."""
        stack = self._host.stack
        passed = () if none else self._host.link_map.profile.constructor_arguments
        given = {"argc": stack.argc, "argv": stack.argv, "envp": stack.envp}
        return {name: value if name in passed else 0 for name, value in given.items()}

    def _dl_close(self, task: Task, arguments: Sequence[int]) -> Result:
        links = self._host.link_map
        handle = self._handle(arguments[0])
        emit = self._host.recorder.emit
        shown = f"{arguments[0]:#x}"
        emit("dlclose-enter", task.tid, object=handle.path if isinstance(handle, LinkedObject) else "")
        try:
            if not isinstance(handle, LinkedObject) and arguments[0] != 8:
                raise LoadError("", "", "invalid handle", "handle")
            objects = links.dlclose(handle) if isinstance(handle, LinkedObject) else []
        except LoadError as error:
            error.facts["handle"] = shown
            self._refuse(task, error, "dlclose")
            emit("dlclose-exit", task.tid, error=str(links.profile.told(error, "dlclose")))
            return 0
        return self._begin(Operation("dlclose", objects, release=list(objects)))

    def _dl_startup(self, task: Task, arguments: Sequence[int]) -> Result:
        """Phase 1: the program's preinit array, then the libraries' constructors. Phase 2: the program's own. Phase 3: the
        program runs its own itself.

        The program counts as initialised from phase 1 on, whoever calls its constructors: the linker runs its destructors
        (glibc elf/dl-init.c, call_init).
        """
        phase = arguments[0]
        links = self._host.link_map
        main = links.main
        if phase not in (1, 2):
            return 0
        self._host.recorder.emit("startup-enter", task.tid, phase=phase)
        operation = Operation("startup", [])
        if phase == 1:
            operation.objects = [o for o in links.startup_order() if not o.is_main]
        if main is not None:
            main.initialized = True
            rows = links.preinitializers(main) if phase == 1 else links.initializers(main)
            operation.steps = self._steps(main, rows)
        return self._begin(operation)

    def _steps(self, loaded: LinkedObject, rows: Sequence[Initializer]) -> list[Step]:
        """The functions among an array's entries: 0 and -1 stand for none."""
        return [Step(loaded, *row) for row in rows if row[1] not in (0, self._host.cpu.abi.word_mask)]

    def _dl_shutdown(self, task: Task, arguments: Sequence[int]) -> Result:
        self._host.recorder.emit("shutdown-enter", task.tid)
        return self._begin(Operation("shutdown", self._host.link_map.shutdown_order()))

    def _dl_sym(self, task: Task, arguments: Sequence[int]) -> Result:
        number, name, version, caller = arguments[:4]
        links = self._host.link_map
        emit = self._host.recorder.emit
        wanted = self._text(name)
        emit("dlsym-enter", task.tid, name=wanted, handle=number)
        try:
            handle = self._handle(number)
            if handle is None:
                raise LoadError("", "", "invalid handle", "handle", handle=f"{number:#x}")
            requester = links.object_at(caller)
            if handle is NEXT and requester is None:
                raise LoadError("", "", "RTLD_NEXT used in code not dynamically loaded", "next")
            value = links.dlsym(handle, wanted, self._text(version) if version else None, requester, self._host.cpu.tp)
        except LoadError as error:
            self._refuse(task, error, "dlsym")
            emit("dlsym-exit", task.tid, error=str(links.profile.told(error, "dlsym")))
            return 0
        emit("dlsym-exit", task.tid, value=value)
        return value

    def _dl_error(self, task: Task, arguments: Sequence[int]) -> Result:
        text = self._errors.pop(task.tid, "").encode("utf-8", "backslashreplace")
        if text and arguments[1]:
            self._host.cpu.memory.write(arguments[0], text[: arguments[1] - 1] + b"\0")
        return len(text)

    def _dl_iterate(self, task: Task, arguments: Sequence[int]) -> Result:
        """struct dl_phdr_info: addr, name, phdr, phnum (u16), then u64 adds, subs, and tls_modid, tls_data."""
        index, out = arguments[:2]
        objects = self._host.link_map.objects
        if index >= len(objects):
            return 0
        loaded = objects[index]
        word = self._host.cpu.abi.word
        links = self._host.link_map
        name = self._string(b"" if loaded.is_main else _bytes(loaded.path))
        block = links.tls.block(links.memory, self._host.cpu.tp, loaded.tls_module) if loaded.tls_module else 0
        record = b"".join(v.to_bytes(word, "little") for v in (loaded.bias & self._host.cpu.abi.word_mask, name, loaded.phdr))
        record += loaded.elf.phnum.to_bytes(word, "little")
        record = record.ljust(-(-len(record) // 8) * 8, b"\0")
        record += len(objects).to_bytes(8, "little") + bytes(8)
        record += loaded.tls_module.to_bytes(word, "little") + block.to_bytes(word, "little")
        self._host.cpu.memory.write(out, record)
        return 1

    def _dl_addr(self, task: Task, arguments: Sequence[int]) -> Result:
        address, out = arguments[:2]
        loaded = self._host.link_map.object_at(address)
        if loaded is None:
            return 0
        nearest: tuple[str, int] | None = None
        for symbol in loaded.exports():
            value = loaded.bias + symbol.value
            if symbol.type not in _NAMED or value > address or (symbol.size and address >= value + symbol.size):
                continue
            if nearest is None or value > nearest[1]:
                nearest = symbol.text, value
        name, value = (self._string(_bytes(nearest[0])), nearest[1]) if nearest else (0, 0)
        self._put(out, self._string(_bytes(loaded.path)), loaded.bias, name, value, self._link_map(loaded), 0)
        return 1

    def _dl_info(self, task: Task, arguments: Sequence[int]) -> Result:
        number, request, out = arguments[:3]
        handle = self._handle(number)
        links = self._host.link_map
        if not isinstance(handle, LinkedObject):
            self._errors[task.tid] = "invalid handle"
            return -errno.EINVAL
        memory = self._host.cpu.memory
        if request == _RTLD_DI_LINKMAP:
            self._put(out, self._link_map(handle))
        elif request == _RTLD_DI_ORIGIN:
            memory.write(out, _bytes(handle.path.rpartition("/")[0] or ".") + b"\0")
        elif request == _RTLD_DI_TLS_MODID:
            self._put(out, handle.tls_module)
        elif request == _RTLD_DI_TLS_DATA:
            self._put(out, links.tls.block(links.memory, self._host.cpu.tp, handle.tls_module) if handle.tls_module else 0)
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
            | (WAIT_CONSTRUCTORS if locks.waits_for != "nobody" else 0)
        )
        if any(built_for_musl(loaded.elf.needed) for loaded in links.objects):
            flags |= LINKER_RUNS_INIT | WIDE_OFFSETS
        entry = links.main.entry if links.main is not None else 0
        page = links.page_size
        return self._put(
            arguments[0], stack.argc, stack.argv, stack.envp, stack.auxv, page, stack.low, stack.high, entry, flags
        )

    # -- guest memory --------------------------------------------------------------------------------------------

    def _put(self, address: int, *words: int) -> int:
        abi = self._host.cpu.abi
        data = b"".join((word & abi.word_mask).to_bytes(abi.word, "little") for word in words)
        self._host.cpu.memory.write(address, data)
        return 0

    def _text(self, address: int) -> str:
        return self._host.cpu.memory.read_cstring(address).decode("utf-8", "surrogateescape")

    def _string(self, text: bytes) -> int:
        """A string that stays in guest memory for good, such as an object's name."""
        known = self._strings.get(text)
        if known is not None:
            return known
        start, end = self._string_room
        if end - start <= len(text):
            size = max(len(text) + 1, 4096)
            start = self._host.cpu.memory.map(None, size, _READ_WRITE, "[linker]")
            end = start + size
        self._host.cpu.memory.write(start, text + b"\0")
        self._string_room = (start + len(text) + 1, end)
        self._strings[text] = start
        return start

    def _link_map(self, loaded: LinkedObject) -> int:
        """struct link_map's public part (link.h): l_addr, l_name, l_ld, l_next, l_prev; next and prev are not kept up."""
        known = self._link_maps.get(loaded.index)
        if known is None:
            abi = self._host.cpu.abi
            known = self._host.cpu.memory.map(None, 4096, _READ_WRITE, "[linker]")
            name = self._string(_bytes(loaded.path))
            dynamic = loaded.bias + loaded.elf.dynamic_vaddr & abi.word_mask
            self._put(known, loaded.bias, name, dynamic, 0, 0)
            self._link_maps[loaded.index] = known
        return known


def _bytes(text: str) -> bytes:
    """A name as the guest has it."""
    return text.encode("utf-8", "surrogateescape")


_HANDLERS = {
    IDLE: "_idle", EVENT: "_event", DL_OPEN: "_dl_open", DL_NEXT: "_dl_next", DL_SYM: "_dl_sym", DL_CLOSE: "_dl_close",
    DL_ITERATE: "_dl_iterate", DL_ADDR: "_dl_addr", DL_ERROR: "_dl_error", DL_STARTUP: "_dl_startup",
    DL_SHUTDOWN: "_dl_shutdown", TLS_SIZE: "_tls_size", TLS_INIT: "_tls_init", TLS_GET: "_tls_get", INFO: "_info",
    DL_INFO: "_dl_info", TLS_FREE: "_tls_free",
}  # fmt: skip
