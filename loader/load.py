"""Finding files and mapping them: the object of a name, and its dependencies (glibc elf/dl-load.c, dl-deps.c)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from . import mapping
from .elf import ElfFile
from .errors import LoadError
from .gabi import DT_AUXILIARY, DT_NEEDED
from .machines import Machine
from .memory import Memory
from .objects import LinkedObject
from .order import SearchList
from .owner import Owner
from .profiles.base import Profile
from .search import Found
from .state import State
from .storage import ThreadStorage

#: e_flags in the ELF header, by class; EF_ARM_EABI_VER5, the one version that says how floats are passed
FLAGS_PLACES = {32: 36, 64: 48}
EABI_VERSION = 5
NOT_FOUND = "cannot open shared object file: No such file or directory"


class Loader:
    """Brings objects into one process.

    ``builtins``: soname → (path, content), looked for before any file; ``fallbacks``: the same, if the search finds no file.
    """

    def __init__(
        self,
        state: State,
        memory: Memory,
        profile: Profile,
        owner: Owner,
        storage: ThreadStorage,
        builtins: Mapping[str, tuple[str, bytes]],
        fallbacks: Mapping[str, tuple[str, bytes]],
    ) -> None:
        self.state = state
        self.memory = memory
        self.profile = profile
        self.owner = owner
        self.storage = storage
        self.builtins = dict(builtins)
        self.fallbacks = dict(fallbacks)
        #: how many objects have been mapped so far
        self.loads = 0
        #: true once the process is linked and dlopen loads
        self.opening = False

    @property
    def page_size(self) -> int:
        """Bytes in a page of the profile's system."""
        return max(self.memory.page_size, self.profile.page_size)

    def load_main(self, main: str | tuple[str, bytes]) -> LinkedObject:
        """The main program, mapped: a path, or path and content."""
        if isinstance(main, str):
            found = self.owner.finder(main, None) if self.owner.finder else None
            if found is None:
                raise LoadError(main, "", NOT_FOUND, "not-found")
            main = found[0], found[1]
        path, data = main
        obj = LinkedObject(self.loads + 1, path, path, ElfFile(data, path, self.state.known_machine))
        obj.is_main = True
        obj.refs = 1
        return self._add(obj, path)

    # -- finding and mapping ------------------------------------------------------------------------------------------

    def find_loaded(self, name: str, requester: LinkedObject | None) -> LinkedObject | None:
        """The loaded object that answers to a name; a path is also compared by the file it leads to."""
        for obj in self.state.objects:
            if obj.removed:
                continue
            if self.profile.answers_to(obj, name):
                if name not in obj.names:
                    obj.names.append(name)
                return obj
        source: tuple[str, bytes] | Found | None = self._builtin(name)
        if source is None and self.owner.finder is not None and "/" in name:
            source = self.owner.finder(name, requester)
        return self.same_file(Found(*source), name) if source else None

    def same_file(self, found: Found, name: str) -> LinkedObject | None:
        """The object that was loaded from this very file, which answers to ``name`` from now on."""
        for obj in self.state.objects:
            same = obj.path == found.path or (found.identity is not None and obj.identity == found.identity)
            if same and not obj.removed and not obj.is_main:
                obj.names.append(name)
                return obj
        return None

    def find_same_file(self, name: str, requester: LinkedObject | None) -> LinkedObject | None:
        """The loaded object of the file that a search for ``name`` finds."""
        found = self.search(name, requester, None)
        return self.same_file(found, name) if found is not None else None

    def _builtin(self, name: str) -> tuple[str, bytes] | None:
        return _by_name(self.builtins, name)

    def load(self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None) -> LinkedObject:
        """The object called ``name``, mapped if it is not yet. ``requester``: whose search path counts;
        ``dependent``: the object whose DT_NEEDED this is."""
        known = self.find_loaded(name, requester)
        if known is not None:
            return known
        found, builtin = self._find(name, requester, dependent)
        same = self.same_file(found, name)
        if same is not None:
            return same
        path, data = found.path, found.data
        try:
            elf = ElfFile(data, path, self.state.known_machine)
            if not elf.dynamic_vaddr:
                raise elf.error("program headers", "object file has no dynamic section", "no-dynamic")
            if self._foreign_floats(elf.machine, elf.flags):
                raise elf.error("e_flags", "wrong ELF machine: floats are passed in other registers than here", "machine")
            for refusal in () if builtin else self.profile.check_file(elf, opening=self.opening):
                raise refusal
            obj = LinkedObject(self.loads + 1, path, name, elf)
            obj.loader = dependent
            obj.identity = found.identity
            obj.is_builtin = builtin
            if builtin:
                obj.names = [soname for soname, (other, _) in self.builtins.items() if other == path]
            return self._add(obj, name)
        except LoadError as error:
            error.facts.update(self._asked(name, dependent))
            raise

    def _find(self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None) -> tuple[Found, bool]:
        """The file that a name leads to, and True if it is built in. Raises LoadError if there is no such file."""
        builtin, fallback = self._builtin(name), _by_name(self.fallbacks, name)
        try:
            found = Found(*builtin) if builtin is not None else self.search(name, requester, dependent)
        except LoadError as error:
            if fallback is None or error.code != "class":
                raise
            found = None
        if found is None and fallback is not None:
            builtin = fallback
            found = Found(*fallback)
        if found is None:
            where = f"needed by {dependent.path}" if dependent else ""
            raise LoadError(name, where, NOT_FOUND, "not-found", **self._asked(name, dependent))
        return found, builtin is not None

    def search(self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None) -> Found | None:
        """The first file that the search finds; if the profile passes over files for other machines, the first other one."""
        other_class = 0
        if self.owner.finder is None:
            return None
        for candidate in self.profile.search(name, requester, dependent, self.state):
            source = self.owner.finder(candidate, requester)
            if source is None:
                continue
            foreign = "" if "/" in name or not self.profile.passes_over_foreign else self._foreign(source[1])
            if not foreign:
                return Found(*source)
            other_class = other_class or (source[1][4] * 32 if foreign == "class" else 0)
        if other_class:
            raise LoadError(name, "e_ident[EI_CLASS] at 0x4", f"wrong ELF class: ELFCLASS{other_class}", "class")
        return None

    def _foreign(self, data: bytes) -> str:
        """The field by which an ELF file is for another machine, "class" or "machine"; "" if it is not, or is not an ELF
        file."""
        machine = self.state.known_machine
        if machine is None or data[:4] != b"\x7fELF" or len(data) < 20:
            return ""
        if data[4] * 32 != machine.elf_class:
            return "class" if data[4] in (1, 2) else ""
        if int.from_bytes(data[18:20], "little") != machine.e_machine:
            return "machine"
        flags = FLAGS_PLACES[machine.elf_class]
        return "machine" if self._foreign_floats(machine, int.from_bytes(data[flags : flags + 4], "little")) else ""

    def _foreign_floats(self, machine: Machine, flags: int) -> bool:
        """True for the e_flags of a file that passes floats in other registers than this process (glibc
        sysdeps/unix/sysv/linux/arm/ldsodefs.h, VALID_FLOAT_ABI)."""
        wrong = flags & self.state.foreign_floats & (machine.soft_float | machine.hard_float)
        return self.profile.minds_float_abi and bool(wrong) and flags >> 24 == EABI_VERSION

    @staticmethod
    def _asked(name: str, dependent: LinkedObject | None) -> dict[str, str]:
        return {"name": name, **({"needed_by": dependent.path} if dependent else {})}

    def _add(self, obj: LinkedObject, name: str) -> LinkedObject:
        for each in (name, obj.path):
            if each not in obj.names:
                obj.names.append(each)
        self.owner.emit("object-found", obj, name=name, machine=obj.elf.machine.name)
        machine, flags = obj.elf.machine, obj.elf.flags
        self.state.known_machine = self.state.known_machine or machine
        if not self.state.foreign_floats and flags & (machine.soft_float | machine.hard_float):
            self.state.foreign_floats = machine.soft_float if flags & machine.hard_float else machine.hard_float
        mapping.map_object(self.memory, obj, self.page_of(obj))
        if self.profile.adjusts_dynamic:
            mapping.adjust_dynamic(self.memory, obj)
        self.loads += 1
        self.state.objects.append(obj)
        self.owner.emit("object-mapped", obj, address=obj.start, size=obj.end - obj.start, bias=obj.bias)
        self.storage.register(obj)
        return obj

    def page_of(self, obj: LinkedObject) -> int:
        """The size of the pages in which an object is mapped: the system's. It is smaller for a built-in object, and for a
        file that does not fit the system's pages: a linker that minds has refused it, or will before any of it runs."""
        page = self.page_size
        fits = all((segment.vaddr - segment.offset) % page == 0 for segment in obj.elf.loads)
        return page if fits and not obj.is_builtin else self.memory.page_size

    def load_dependencies(self, roots: Sequence[LinkedObject], *, opened: LinkedObject | None) -> None:
        """Load what the roots need, breadth first (glibc elf/dl-deps.c). ``opened``: the one that is being opened,
        whose links for the constructor order are only known afterwards."""
        found = SearchList(roots)
        for obj in found:
            if not obj.dependencies_loaded:
                obj.dependencies_loaded = True
                for tag, name in obj.elf.libraries:
                    if tag != DT_NEEDED and not self.profile.honours_filters:
                        continue
                    dependency = self._load_needed(name, obj, tag)
                    if dependency is not None and dependency not in obj.needed:
                        obj.needed.append(dependency)
                    if dependency is not None and tag != DT_NEEDED:
                        obj.filters.append(dependency)
                if obj.needed and obj is not opened:
                    obj.order_links = [obj, *obj.needed]
            for other in found.enter(obj):  # also in the list of all objects
                self.state.objects.remove(other)
                self.state.objects.insert(self.state.objects.index(obj), other)

    def _load_needed(self, name: str, obj: LinkedObject, tag: int) -> LinkedObject | None:
        """The object of a DT_NEEDED, DT_FILTER or DT_AUXILIARY entry; None where the linker or the owner goes on without
        it."""
        try:
            return self.load(self.profile.expand_needed(name, obj), obj, obj)
        except LoadError as error:
            if tag == DT_AUXILIARY:
                return None
            if error.code != "not-found" or self.owner.absent is None or not self.owner.absent(name, obj):
                raise
            obj.absent.append(name)
            return None


def _by_name(builtins: Mapping[str, tuple[str, bytes]], name: str) -> tuple[str, bytes] | None:
    """The built-in object that a name stands for, a path by its last part."""
    return builtins.get(name) or builtins.get(name.rpartition("/")[2])


def _foreign(data: bytes, machine: Machine | None) -> str:
    """The field by which an ELF file is for another machine, "class" or "machine"; "" if it is not, or is not an ELF file."""
    if machine is None or data[:4] != b"\x7fELF" or len(data) < 20:
        return ""
    if data[4] * 32 != machine.elf_class:
        return "class" if data[4] in (1, 2) else ""
    return "machine" if int.from_bytes(data[18:20], "little") != machine.e_machine else ""
