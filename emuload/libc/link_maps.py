"""The link map in guest memory: struct link_map for each object, struct r_debug, and names.

A handle of dlopen is its object's struct link_map. A debugger finds the objects through DT_DEBUG of the program, which
leads to `_r_debug`; it stops in `_dl_debug_state` whenever r_state changes (link.h; the System V ABI's "rtld interface").
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from emuload.libc.builtins import LIBC
from emuload.machine.memory import text_bytes
from loader.gabi import DT_DEBUG
from loader.link_map import DEFAULT, MAIN, NEXT, Handle, LinkMap
from loader.memory import PROT_READ, PROT_WRITE
from loader.objects import LinkedObject

if TYPE_CHECKING:
    from emuload.machine.cpu import Cpu

RT_CONSISTENT, RT_ADD, RT_DELETE = range(3)
R_DEBUG, BREAKPOINT = "_r_debug", "_dl_debug_state"
ENVIRONMENT = "environ"
_WORDS = 5
"""struct link_map's public part: l_addr, l_name, l_ld, l_next, l_prev."""


class Host(Protocol):
    """The parts of the process that are used here."""

    cpu: Cpu
    link_map: LinkMap


class LinkMaps:
    """The linker's structures in the guest, as plain state."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._strings: dict[bytes, int] = {}
        self._room = (0, 0)
        self._places: dict[int, int] = {}
        """Address of each object's struct link_map, by the object's index; 0 is the index of a program that is not there."""

    # -- guest memory --------------------------------------------------------------------------------------------

    def put(self, address: int, *words: int) -> None:
        """Write machine words."""
        abi = self._host.cpu.abi
        data = b"".join((word & abi.word_mask).to_bytes(abi.word, "little") for word in words)
        self._host.cpu.memory.write(address, data)

    def string(self, text: str | bytes) -> int:
        """Address of a string that stays for good, such as an object's name."""
        text = text_bytes(text)
        known = self._strings.get(text)
        if known is None:
            known = self._strings[text] = self._take(len(text) + 1)
            self._host.cpu.memory.write(known, text + b"\0")
        return known

    def _take(self, size: int) -> int:
        word = self._host.cpu.abi.word
        start, end = self._room
        start = -(-start // word) * word
        if end - start < size:
            room = max(size, 4096)
            start = self._host.cpu.memory.map(None, room, PROT_READ | PROT_WRITE, "[linker]")
            end = start + room
        self._room = (start + size, end)
        return start

    def search_info(self, out: int, folders: Sequence[str], *, with_paths: bool) -> None:
        """Write a Dl_serinfo: size of all, number of paths; then each path's address and flags, and behind them the texts."""
        word = self._host.cpu.abi.word
        texts = [text_bytes(folder) + b"\0" for folder in folders]
        head = 2 * word
        place = head + 2 * word * len(folders)
        size = place + sum(map(len, texts))
        if with_paths:
            for i, text in enumerate(texts):
                self.put(out + head + 2 * word * i, out + place, 0)
                self._host.cpu.memory.write(out + place, text)
                place += len(text)
        else:
            self.put(out, size, len(folders))

    # -- handles -------------------------------------------------------------------------------------------------

    def place(self, obj: LinkedObject) -> int:
        """Address of an object's struct link_map, made at first use."""
        known = self._places.get(obj.index)
        if known is None:
            known = self._places[obj.index] = self._take(_WORDS * self._host.cpu.abi.word)
            dynamic = obj.bias + obj.elf.dynamic_vaddr
            self.put(known, obj.bias, self.string(shown_name(obj)), dynamic, 0, 0)
        return known

    def number(self, handle: Handle | None) -> int:
        """The guest's number for a handle; 0 for None."""
        if handle is None:
            return 0
        return self.place(handle) if isinstance(handle, LinkedObject) else self._head()

    def handle(self, number: int) -> Handle | None:
        """The handle of a number that the guest gives; None if it is not a handle."""
        if number == 0:
            return DEFAULT
        if number == self._host.cpu.abi.word_mask:
            return NEXT
        if number == self._places.get(0):
            return MAIN
        return self.object(number)

    def object(self, place: int) -> LinkedObject | None:
        """The object whose struct link_map lies there."""
        return next((o for o in self._host.link_map.objects if self._places.get(o.index) == place), None)

    def _head(self) -> int:
        """The first entry of the chain where no program is: nameless, as a program's is."""
        known = self._places.get(0)
        if known is None:
            known = self._places[0] = self._take(_WORDS * self._host.cpu.abi.word)
            self.put(known, 0, self.string(b""), 0, 0, 0)
        return known

    # -- for debuggers -------------------------------------------------------------------------------------------

    def attach(self) -> None:
        """Fill in `_r_debug` and the program's DT_DEBUG, once the start-up objects are mapped and before they are relocated: a
        program's COPY relocation takes the structure as it is then (glibc elf/rtld.c, dl_main)."""
        links, abi = self._host.link_map, self._host.cpu.abi
        builtin = self._builtin()
        main = links.main
        if main is not None and DT_DEBUG in main.elf.dynamic_places:
            at = main.bias + main.elf.dynamic_places[DT_DEBUG]
            if main.writable(at):
                links.memory.view(at, abi.word)[:] = builtin.address(R_DEBUG).to_bytes(abi.word, "little")
        self.publish()
        self.put(builtin.address(R_DEBUG), 1, self._first(), builtin.address(BREAKPOINT), RT_ADD, builtin.bias)

    def variable(self, name: str) -> int:
        """The word in a variable of the C library, or in a program's copy of it."""
        found = self._host.link_map.find_symbol(MAIN, name)
        address = found.address if found is not None else self._builtin().address(name)
        return int.from_bytes(self._host.cpu.memory.read(address, self._host.cpu.abi.word), "little")

    def breakpoint(self) -> int:
        """The address of the function that debuggers stop in."""
        return self._builtin().address(BREAKPOINT)

    def set_state(self, state: int) -> None:
        """r_state: RT_ADD before objects come, RT_DELETE before they go, RT_CONSISTENT when the chain is right again."""
        at = self._builtin().address(R_DEBUG) + 3 * self._host.cpu.abi.word
        self._host.cpu.memory.write(at, state.to_bytes(4, "little"))

    def publish(self) -> None:
        """Bring the chain up to date: the program first, then the others in the order of loading."""
        word = self._host.cpu.abi.word
        objects = self._host.link_map.objects
        chain = [] if self._host.link_map.main is not None else [self._head()]
        chain += [self.place(obj) for obj in objects]
        for before, here, after in zip([0, *chain], chain, [*chain[1:], 0], strict=False):
            self.put(here + 3 * word, after, before)
        alive = {obj.index for obj in objects}
        self._places = {index: at for index, at in self._places.items() if index in alive or index == 0}

    def _first(self) -> int:
        main = self._host.link_map.main
        return self.place(main) if main is not None else self._head()

    def _builtin(self) -> LinkedObject:
        return next(o for o in self._host.link_map.objects if o.is_builtin and o.path == LIBC)


def shown_name(obj: LinkedObject) -> str:
    """l_name: the path, nothing for the program."""
    return "" if obj.is_main else obj.path
