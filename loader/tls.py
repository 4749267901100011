"""Thread-local storage: modules, the static layout with its surplus, and one thread's area.

Sources: Drepper, "ELF Handling For Thread-Local Storage" (variants I and II); the arithmetic of glibc elf/dl-tls.c
(_dl_determine_tlsoffset) and elf/dl-reloc.c (_dl_try_allocate_static_tls); the surplus: elf/dl-tls.c,
_dl_tls_static_surplus_init.

A thread's area, as the emulated C library sees it (``word``: bytes in an address; the area's start and ``tp`` are
aligned to the static alignment)::

    variant II (amd64)   [ DTV ][ ... surplus ... static blocks ] tp-> [ TCB: tcb_size bytes ]
    variant I (arm*)     [ DTV ][ C library: tcb_size bytes ] tp-> [ ABI head ][ static blocks ... surplus ... ]

    amd64   tp + 0x00  address of tp itself      arm     tp + 0   address of the DTV
            tp + 0x08  address of the DTV                tp + 4   free for the C library
            tp + 0x10  address of tp itself      arm64   tp + 0   address of the DTV
            tp + 0x28  stack guard                       tp + 8   free for the C library

    DTV: dtv[0] = its number of words; dtv[m] = address of module m's block in this thread, 0: not looked for yet. The
    emulated C library replaces it by a longer one when a thread looks for a module beyond its end.

`init_thread` clears the whole area first, so the C library writes its own fields afterwards.
"""

from __future__ import annotations

from typing import Protocol

from .errors import LoadError
from .gabi import TlsTemplate
from .machines import Machine
from .memory import Memory, clear_memory, read_memory

#: words in a new thread's DTV, entry 0 included, unless more modules are there at start-up
DTV_ENTRIES = 128
#: bytes reserved for the C library's own per-thread structure unless it says otherwise
DEFAULT_TCB_SIZE = 2048


class Holder(Protocol):
    """The object whose thread-local data a module describes: see `loader.objects.LinkedObject`."""

    path: str
    bias: int
    relocated: bool

    def accessible(self, start: int, size: int) -> bool: ...


class TlsModule:
    """One object's thread-local data.

    ``image``, ``image_size``   the initial bytes in guest memory (already relocated), ``size``: bytes in a block
    ``offset``    place of the block in static TLS, or None when it has none: distance below tp (variant II) or above tp
    ``dynamic``   a thread has already got a block on demand, so that it can no longer move to static TLS
    """

    def __init__(self, number: int, holder: Holder, template: TlsTemplate, image: int) -> None:
        self.id = number
        self.object = holder
        self.image = image
        self.image_size = template.filesz
        self.size = template.memsz
        self.align = template.align
        #: bytes between an aligned address and the block's first byte (p_vaddr modulo p_align)
        self.first_byte = template.vaddr & (template.align - 1)
        self.offset: int | None = None
        self.dynamic = False

    def __repr__(self) -> str:
        return f"<TlsModule {self.id} {self.object.path} size={self.size} offset={self.offset}>"


class TlsLayout:
    """All modules of a process and the static TLS area every thread has. Plain state."""

    def __init__(
        self,
        machine: Machine,
        *,
        surplus: int = 1664,
        optional: int = 512,
        tcb_size: int = DEFAULT_TCB_SIZE,
        libc_block: tuple[int, int] = (0, 1),
    ) -> None:
        self.machine = machine
        self.tcb_size = tcb_size
        self.surplus = surplus
        #: size and alignment of the real C library's own block, which the built-in one does not have
        self.libc_block = libc_block
        #: bytes of the surplus that descriptors may still use as an optimisation
        self.optional = optional
        self.modules: dict[int, TlsModule] = {}
        #: bytes of static TLS taken so far, from tp (variant I: ABI head included)
        self.used = machine.gap_above_tp
        self.align = machine.tcb_alignment
        #: bytes of static TLS there are, fixed by `freeze`
        self.static_size = 0
        self.frozen = False
        self.dtv_entries = DTV_ENTRIES

    # -- modules ------------------------------------------------------------------------------------------------------

    def register(self, holder: Holder, template: TlsTemplate | None) -> TlsModule | None:
        """Give a mapped object a module if it has a PT_TLS segment; its static place is decided later."""
        if template is None:
            return None
        number = next(i for i in range(1, len(self.modules) + 2) if i not in self.modules)
        module = TlsModule(number, holder, template, holder.bias + template.vaddr & self.machine.mask)
        if not holder.accessible(module.image, module.image_size):
            raise LoadError(holder.path, f"PT_TLS at {template.vaddr:#x}", "its image is in a segment without access")
        self.modules[number] = module
        self.modules = dict(sorted(self.modules.items()))
        return module

    def unregister(self, module: TlsModule) -> None:
        """Forget a closed object's module; its static place is given back when it was the last one taken."""
        del self.modules[module.id]
        if self.frozen and module.offset is not None:
            end = module.offset + module.size if self.machine.tls_above else module.offset
            if end == self.used:
                self.used = module.offset if self.machine.tls_above else module.offset - module.size

    def module(self, number: int) -> TlsModule | None:
        """Module by id."""
        return self.modules.get(number)

    def use_dynamically(self, number: int) -> TlsModule | None:
        """The module for a block allocated on demand (`__tls_get_addr`): from now on it stays out of static TLS."""
        module = self.modules.get(number)
        if module is not None and module.offset is None:
            module.dynamic = True
        return module

    def freeze(self) -> None:
        """Lay out the start-up objects' modules and fix the size of static TLS. Once."""
        assert not self.frozen
        place = self._place_above if self.machine.tls_above else self._place_below
        hole = (0, 0)
        for module in self.modules.values():
            self.align = max(self.align, module.align)
            hole = place(module, hole)
        size, align = self.libc_block
        above = self.machine.tls_above
        self.used = _round_up(self.used, align) + size if above else _round_up(self.used + size, align)
        self.static_size = _round_up(self.used + self.surplus, self.align)
        self.dtv_entries = max(DTV_ENTRIES, _round_up(len(self.modules) + 1, 64))
        self.frozen = True

    def _place_above(self, module: TlsModule, hole: tuple[int, int]) -> tuple[int, int]:
        bottom, top = hole
        align, size = module.align, module.size
        first = -module.first_byte & (align - 1)
        if size <= top - bottom:
            start = _round_up(bottom, align)
            if start - bottom < first:
                start += align
            if start + size - first <= top:
                module.offset = start - first
                return start + size - first, top
        start = _round_up(self.used, align)
        if start - self.used < first:
            start += align
        module.offset = start - first
        if module.offset - self.used > top - bottom:
            hole = self.used, module.offset
        self.used = module.offset + size
        return hole

    def _place_below(self, module: TlsModule, hole: tuple[int, int]) -> tuple[int, int]:
        top, bottom = hole
        align, size = module.align, module.size
        first = -module.first_byte & (align - 1)
        if bottom - top >= size:
            end = _round_up(top + size - first, align) + first
            if end <= bottom:
                module.offset = end
                return end, bottom
        end = _round_up(self.used + size - first, align) + first
        if end > self.used + size + (bottom - top):
            hole = self.used, end - size
        self.used = module.offset = end
        return hole

    def reserve(self, module: TlsModule, *, optional: bool = False) -> bool:
        """Move a dlopened object's module into the surplus. False when it does not fit, is aligned more strictly than
        the area, or threads already use it dynamically. ``optional``: the caller can do without, and a share of the
        surplus is kept from it (glibc's ``rtld.optional_static_tls``)."""
        if module.offset is not None:
            return True
        if module.dynamic or module.align > self.align or not self.frozen:
            return False
        if self.machine.tls_above:
            offset = _round_up(self.used - module.first_byte, module.align) + module.first_byte
            end = offset + module.size
            use = end - self.used
        else:
            free = self.static_size - self.used - module.size - module.first_byte
            use = free % module.align + module.size if free >= 0 else self.static_size + 1
            offset = end = self.used + use
        if end > self.static_size or (optional and use > self.optional):
            return False
        if optional:
            self.optional -= use
        module.offset = offset
        self.used = end
        return True

    @property
    def surplus_left(self) -> int:
        """Bytes of static TLS that dlopened objects may still take."""
        return self.static_size - self.used

    def thread_offset(self, module: TlsModule, value: int) -> int:
        """The offset from tp of byte ``value`` of a module in static TLS; negative in variant II."""
        assert module.offset is not None
        return value + module.offset - self.machine.tp_bias if self.machine.tls_above else value - module.offset

    # -- a thread's area ----------------------------------------------------------------------------------------------

    @property
    def dtv_size(self) -> int:
        """Bytes in a DTV."""
        return self.dtv_entries * self.machine.word

    @property
    def tp_offset(self) -> int:
        """Bytes from the start of a thread's area to its thread pointer."""
        return self._tcb_offset + self.machine.tp_bias

    @property
    def _tcb_offset(self) -> int:
        """Bytes from the start of a thread's area to the place where the TCB ends or begins."""
        below = self.tcb_size if self.machine.tls_above else self.static_size
        return _round_up(self.dtv_size + below, self.align)

    @property
    def area_size(self) -> int:
        """Bytes in a thread's area: DTV, static TLS with surplus, TCB."""
        above = self.static_size if self.machine.tls_above else self.tcb_size
        return _round_up(self._tcb_offset + above, self.align)

    @property
    def area_align(self) -> int:
        """Alignment of a thread's area."""
        return self.align

    def init_thread(self, memory: Memory, area: int, guard: int = 0) -> int:
        """Fill a new thread's area (``area_size`` bytes at ``area``) and return its thread pointer. ``guard`` is the stack
        guard."""
        assert self.frozen
        clear_memory(memory, area, self.area_size)
        tp = area + self.tp_offset
        machine = self.machine
        self._put(memory, self._tcb_word(tp, machine.dtv_word), area)
        for number in machine.self_words:
            self._put(memory, self._tcb_word(tp, number), tp)
        if machine.guard_word is not None:
            self._put(memory, self._tcb_word(tp, machine.guard_word), guard)
        self._put(memory, area, self.dtv_entries)
        for module in self.modules.values():
            if module.offset is not None:
                self.set_block(memory, tp, module.id, self.static_block(module, tp))
                if module.object.relocated:
                    self.write_module(memory, module, tp)
        return tp

    init_static_block = init_thread

    def write_module(self, memory: Memory, module: TlsModule, tp: int) -> None:
        """Write a static module's initial image for the thread at ``tp``. Threads that already run when an object takes
        static TLS (after its relocation) learn of the place when they look for it."""
        block = self.static_block(module, tp)
        if module.image_size:
            image = read_memory(memory, module.image, module.image_size)
            memory.view(block, module.image_size)[:] = image
        clear_memory(memory, block + module.image_size, module.size - module.image_size)

    def static_block(self, module: TlsModule, tp: int) -> int:
        """Where a module's block lies in the static TLS of the thread at ``tp``."""
        return tp + self.thread_offset(module, 0) & self.machine.mask

    def dtv(self, memory: Memory, tp: int) -> int:
        """Address of the DTV of the thread at ``tp``."""
        return self._get(memory, self._tcb_word(tp, self.machine.dtv_word))

    def _tcb_word(self, tp: int, number: int) -> int:
        return tp - self.machine.tp_bias + number * self.machine.word

    def block(self, memory: Memory, tp: int, number: int) -> int:
        """Address of module ``number``'s block in the thread at ``tp``; 0 when it has not looked for it yet."""
        dtv = self.dtv(memory, tp)
        entry = self._get(memory, dtv + number * self.machine.word) if number < self._get(memory, dtv) else 0
        return entry - self.machine.dtv_bias & self.machine.mask if entry else 0

    def find_block(self, memory: Memory, tp: int, module: TlsModule) -> int:
        """The same, but a block in static TLS is found too."""
        static = self.static_block(module, tp) if module.offset is not None else 0
        return self.block(memory, tp, module.id) or static

    def set_block(self, memory: Memory, tp: int, number: int, block: int) -> None:
        """Set a DTV entry; 0 forgets the block (a closed object's). A DTV that does not reach so far stays as it is."""
        dtv = self.dtv(memory, tp)
        if number < self._get(memory, dtv):
            self._put(memory, dtv + number * self.machine.word, block + self.machine.dtv_bias if block else 0)

    def _get(self, memory: Memory, address: int) -> int:
        return int.from_bytes(memory.view(address, self.machine.word), "little")

    def _put(self, memory: Memory, address: int, value: int) -> None:
        word = self.machine.word
        memory.view(address, word)[:] = (value & self.machine.mask).to_bytes(word, "little")


def _round_up(value: int, align: int) -> int:
    return -(-value // align) * align
