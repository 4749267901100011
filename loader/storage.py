"""Thread-local storage as loading and relocation ask for it: modules, places in static TLS, TLS descriptors.

The layout itself is in `loader.tls`. Source: glibc elf/dl-reloc.c, _dl_try_allocate_static_tls.
"""

from __future__ import annotations

from struct import unpack

from .errors import LoadError
from .memory import PROT_READ, PROT_WRITE, Memory
from .objects import LinkedObject
from .owner import Owner
from .profiles.base import Profile
from .runtime import Runtime
from .state import State
from .tls import DEFAULT_TCB_SIZE, TlsLayout, TlsModule


class ThreadStorage:
    """The TLS of one process. ``tcb_size``: see `loader.tls`; None: as the C library says."""

    def __init__(
        self, state: State, memory: Memory, profile: Profile, owner: Owner, runtime: Runtime, tcb_size: int | None
    ) -> None:
        self.state = state
        self.memory = memory
        self.profile = profile
        self.owner = owner
        self.runtime = runtime
        self.tcb_size = tcb_size
        #: modules that took static TLS and whose image running threads do not have yet
        self.pending: list[TlsModule] = []
        self._layout: TlsLayout | None = None
        self._scratch = (0, 0)

    @property
    def layout(self) -> TlsLayout:
        """The TLS layout of this process, made once its machine is known."""
        if self._layout is None:
            size = DEFAULT_TCB_SIZE if self.tcb_size is None else self.tcb_size
            profile = self.profile
            self._layout = TlsLayout(
                self.state.machine,
                surplus=profile.surplus,
                optional=profile.optional,
                tcb_size=size,
                libc_block=profile.libc_blocks.get(self.state.machine.name, (0, 1)),
            )
        return self._layout

    def register(self, obj: LinkedObject) -> None:
        """Give a mapped object its TLS module, if it has a PT_TLS segment."""
        obj.tls = self.layout.register(obj, obj.elf.tls)
        if obj.tls is not None:
            self.owner.emit("tls-registered", obj, module=obj.tls.id, size=obj.tls.size, align=obj.tls.align)

    def forget(self, obj: LinkedObject) -> None:
        """Take a closed object's blocks out of all DTVs, and its module out of the layout."""
        if obj.tls is None:
            return
        for tp in self.owner.threads():
            self.layout.set_block(self.memory, tp, obj.tls.id, 0)
        self.layout.unregister(obj.tls)
        obj.tls = None

    def fix(self) -> None:
        """Lay out static TLS, once the start-up objects are mapped."""
        if self.layout.frozen:
            return
        name = self.runtime.names.tcb_size
        for obj in self.state.objects:
            symbol = obj.symbol(name) if name and obj.is_builtin and self.tcb_size is None else None
            if symbol is not None:
                place = obj.elf.offset_of(symbol.value, 4, name)
                self.layout.tcb_size = self.tcb_size = unpack("<I", obj.elf.data[place : place + 4])[0]
        self.layout.freeze()

    def make_static(self, module: TlsModule, *, required_by: LinkedObject | None) -> bool:
        """See that a module has a place in static TLS. Returns False if it gets none, which is a LoadError when an object
        requires it."""
        if module.offset is not None:
            return True
        if not (self.profile.late_static_tls and self.layout.reserve(module, optional=required_by is None)):
            if required_by is None:
                return False
            message = "cannot allocate memory in static TLS block"
            facts = {"definer": module.object.path, "user": required_by.path}
            raise LoadError(module.object.path, "", message, "static-tls", **facts)
        self.pending.append(module)
        place = {"module": module.id, "offset": module.offset, "size": module.size}
        self.owner.emit("static-tls", module.object.path, **place, surplus_left=self.layout.surplus_left)
        return True

    def defer_images(self) -> None:
        """Let the next `write_pending` write the images of all modules whose objects are not relocated yet."""
        self.pending = [module for module in self.layout.modules.values() if not module.object.relocated]

    def write_pending(self) -> None:
        """Give running threads the images of modules that took static TLS since they started."""
        pending, self.pending = self.pending, []
        threads = list(self.owner.threads())
        for module in pending:
            for tp in threads:
                self.layout.write_module(self.memory, module, tp)
            self.owner.emit("tls-image", module.object.path, module=module.id, threads=len(threads))

    def descriptor(self, obj: LinkedObject, module: TlsModule | None, value: int) -> tuple[int, int]:
        """(resolver, argument) of a TLS descriptor in ``obj`` for byte ``value`` of ``module`` (None: undefined weak).

        The argument of a module with blocks on demand points to two words: module id and offset.
        """
        runtime, machine = self.runtime, self.state.machine
        if module is None:
            return runtime.function(runtime.names.tlsdesc_undefined, obj), value
        if self.make_static(module, required_by=None):
            return runtime.function(runtime.names.tlsdesc_static, obj), self.layout.thread_offset(module, value)
        entry = runtime.function(runtime.names.tlsdesc_dynamic, obj)
        place = self._scratch_words(2)
        self.memory.view(place, 2 * machine.word)[:] = b"".join(
            (v & machine.mask).to_bytes(machine.word, "little") for v in (module.id, value - machine.dtv_bias)
        )
        return entry, place

    def _scratch_words(self, count: int) -> int:
        """Take a few words of guest memory that belong to the loader."""
        size, (place, end) = count * self.state.machine.word, self._scratch
        if end - place < size:
            page = self.memory.page_size
            place = self.memory.map(None, page, PROT_READ | PROT_WRITE, "[loader]")
            end = place + page
        self._scratch = (place + size, end)
        return place
