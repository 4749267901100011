"""What a process's linker knows: its memory, its rules, its objects, and whom to ask. The ground the link map stands
on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .gabi import Symbol
from .machines import BY_NAME, Machine
from .memory import PROT_READ, PROT_WRITE, Memory
from .objects import LinkedObject
from .profiles import Profile
from .profiles import profile as profile_by_name
from .search import Finder
from .tls import DEFAULT_TCB_SIZE, TlsLayout, TlsModule


class State:
    """The objects of one process and its callbacks; see `loader.link_map.LinkMap` for the parameters."""

    def __init__(
        self,
        memory: Memory,
        machine: Machine | str | None = None,
        profile: Profile | str = "glibc",
        *,
        finder: Finder | None = None,
        library_path: Sequence[str] = (),
        builtins: Mapping[str, tuple[str, bytes]] | None = None,
        missing: Callable[[str, LinkedObject], int | None] | None = None,
        absent: Callable[[str, LinkedObject], bool] | None = None,
        on_event: Callable[[str, dict[str, Any]], None] | None = None,
        call_guest: Callable[[int], int] | None = None,
        identify: Callable[[LinkedObject], int] | None = None,
        bind_now: bool = False,
        program: str = "",
        thread_pointers: Callable[[], Sequence[int]] | None = None,
        tcb_size: int | None = None,
    ) -> None:
        self.memory = memory
        self.profile = profile_by_name(profile) if isinstance(profile, str) else profile
        self.finder = finder
        self.library_path = list(library_path)
        self.builtins = dict(builtins or {})
        self.missing = missing
        self.absent = absent
        self.on_event = on_event
        self.call_guest = call_guest
        self.identify = identify
        self.bind_now = bind_now
        self.program = program
        self.thread_pointers = thread_pointers
        self.tcb_size = tcb_size
        #: every loaded object in load order
        self.objects: list[LinkedObject] = []
        #: the main program's search list, with what RTLD_GLOBAL added
        self.global_scope: list[LinkedObject] = []
        #: the main program, if there is one
        self.main: LinkedObject | None = None
        #: STB_GNU_UNIQUE definitions in use, by name
        self.unique: dict[bytes, tuple[LinkedObject, Symbol]] = {}
        #: modules that took static TLS and whose image running threads do not have yet
        self.tls_pending: list[TlsModule] = []
        #: cost of unusual lookups while the present object is relocated; see `loader.lookup`
        self.lookup_excess = 0
        #: whether objects that a dlclose unloads still run their destructors; whether one of these closed another object
        self.closing = False
        self.close_again = False
        self._machine = BY_NAME[machine] if isinstance(machine, str) else machine
        self._tls: TlsLayout | None = None
        self._scratch = (0, 0)

    @property
    def page_size(self) -> int:
        """Bytes in a page of the profile's system."""
        return max(self.memory.page_size, self.profile.page_size)

    @property
    def machine(self) -> Machine:
        """The machine of this process; known once given or once a file is loaded."""
        assert self._machine is not None, "no machine given and nothing loaded yet"
        return self._machine

    @property
    def tls(self) -> TlsLayout:
        """The TLS layout of this process."""
        if self._tls is None:
            size = DEFAULT_TCB_SIZE if self.tcb_size is None else self.tcb_size
            profile = self.profile
            self._tls = TlsLayout(self.machine, surplus=profile.surplus, optional=profile.optional, tcb_size=size)
        return self._tls

    def object_at(self, address: int) -> LinkedObject | None:
        """The object whose segments hold ``address``."""
        for obj in self.objects:
            if obj.start <= address < obj.end and obj.contains(address):
                return obj
        return None

    def shown(self, obj: LinkedObject) -> str:
        """How the linker's own words call an object: the program by its argv[0]."""
        return self.program if obj.is_main and self.program else obj.path

    def warn(self, obj: LinkedObject, message: str) -> None:
        """Something the real linker prints a warning about."""
        self._event("warning", obj, message=message)

    def _event(self, kind: str, obj: LinkedObject | str, **details: Any) -> None:
        if self.on_event is not None:
            self.on_event(kind, {"object": obj if isinstance(obj, str) else obj.path, **details})

    def _scratch_words(self, count: int) -> int:
        """A little guest memory of the loader's own, given out word by word."""
        size, (place, end) = count * self.machine.word, self._scratch
        if end - place < size:
            page = self.memory.page_size
            place = self.memory.map(None, page, PROT_READ | PROT_WRITE, "[loader]")
            end = place + page
        self._scratch = (place + size, end)
        return place
