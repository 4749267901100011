"""Finding files and mapping them: which object a name stands for, and what it needs (glibc elf/dl-load.c, dl-deps.c)."""

from __future__ import annotations

from collections.abc import Sequence

from . import mapping
from .elf import ElfFile
from .errors import LoadError
from .lookup import Binding
from .machines import Machine
from .objects import LinkedObject
from .search import Found

NOT_FOUND = "cannot open shared object file: No such file or directory"


class Loading(Binding):
    """The half of a link map that brings objects into it."""

    _next_index = 1
    _opening = False

    @property
    def loads(self) -> int:
        """How many objects have been mapped so far."""
        return self._next_index - 1

    def _load_main(self, main: str | tuple[str, bytes]) -> LinkedObject:
        if isinstance(main, str):
            found = self.finder(main, None) if self.finder else None
            if found is None:
                raise LoadError(main, "", NOT_FOUND, "not-found")
            main = found[0], found[1]
        path, data = main
        obj = LinkedObject(self._next_index, path, path, ElfFile(data, path, self._machine))
        obj.is_main = True
        obj.refs = 1
        return self._add(obj, path)

    # -- finding and mapping ------------------------------------------------------------------------------------------

    def _find_loaded(self, name: str, requester: LinkedObject | None) -> LinkedObject | None:
        for obj in self.objects:
            if obj.removed or obj.is_main:  # the program has no name to be found by
                continue
            if self.profile.answers_to(obj, name):
                if name not in obj.names:
                    obj.names.append(name)
                return obj
        source: tuple[str, bytes] | Found | None = self._builtin(name)
        if source is None and self.finder is not None and "/" in name:
            source = self.finder(name, requester)
        return self._same_file(Found(*source), name) if source else None

    def _same_file(self, found: Found, name: str) -> LinkedObject | None:
        for obj in self.objects:
            same = obj.path == found.path or (found.identity is not None and obj.identity == found.identity)
            if same and not obj.removed and not obj.is_main:
                obj.names.append(name)
                return obj
        return None

    def _builtin(self, name: str) -> tuple[str, bytes] | None:
        return self.builtins.get(name) or self.builtins.get(name.rpartition("/")[2])

    def _load(self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None) -> LinkedObject:
        """The object called ``name``, mapped if it is not yet. ``requester``: whose search path counts;
        ``dependent``: the object whose DT_NEEDED this is."""
        known = self._find_loaded(name, requester)
        if known is not None:
            return known
        builtin = self._builtin(name)
        found = Found(*builtin) if builtin is not None else self._search(name, requester, dependent)
        if found is None:
            where = f"needed by {dependent.path}" if dependent else ""
            raise LoadError(name, where, NOT_FOUND, "not-found", **self._asked(name, dependent))
        same = self._same_file(found, name)
        if same is not None:
            return same
        path, data = found.path, found.data
        try:
            elf = ElfFile(data, path, self._machine)
            if not elf.dynamic_vaddr:
                raise elf.error("program headers", "object file has no dynamic section", "no-dynamic")
            for refusal in () if builtin else self.profile.check_file(elf, opening=self._opening):
                raise refusal
            obj = LinkedObject(self._next_index, path, name, elf)
            obj.loader = dependent
            obj.identity = found.identity
            obj.is_builtin = builtin is not None
            if builtin:
                obj.names = [soname for soname, (other, _) in self.builtins.items() if other == path]
            return self._add(obj, name)
        except LoadError as error:
            error.facts.update(self._asked(name, dependent))
            raise

    def _search(self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None) -> Found | None:
        """The first file that the search comes upon; where strangers are passed over, the first that is none."""
        other_class = 0
        if self.finder is None:
            return None
        for candidate in self.profile.search(name, requester, dependent, self):
            source = self.finder(candidate, requester)
            if source is None:
                continue
            stranger = "" if "/" in name or not self.profile.passes_over_strangers else _foreign(source[1], self._machine)
            if not stranger:
                return Found(*source)
            other_class = other_class or (source[1][4] * 32 if stranger == "class" else 0)
        if other_class:
            raise LoadError(name, "e_ident[EI_CLASS] at 0x4", f"wrong ELF class: ELFCLASS{other_class}", "class")
        return None

    @staticmethod
    def _asked(name: str, dependent: LinkedObject | None) -> dict[str, str]:
        return {"name": name, **({"needed_by": dependent.path} if dependent else {})}

    def _add(self, obj: LinkedObject, name: str) -> LinkedObject:
        for each in (name, obj.path):
            if each not in obj.names:
                obj.names.append(each)
        self._event("object-found", obj, name=name, machine=obj.elf.machine.name)
        self._machine = self._machine or obj.elf.machine
        mapping.map_object(self.memory, obj, self._page_of(obj))
        if self.profile.adjusts_dynamic:
            mapping.adjust_dynamic(self.memory, obj)
        self._next_index += 1
        self.objects.append(obj)
        self._event("object-mapped", obj, address=obj.start, size=obj.end - obj.start, bias=obj.bias)
        obj.tls = self.tls.register(obj)
        if obj.tls is not None:
            self._event("tls-registered", obj, module=obj.tls.id, size=obj.tls.size, align=obj.tls.align)
        return obj

    def _page_of(self, obj: LinkedObject) -> int:
        """The pages an object is mapped in: the system's. Smaller ones for a built-in, and for what does not fit them: a
        linker that minds has refused it, or will before any of it runs."""
        page = self.page_size
        fits = all((segment.vaddr - segment.offset) % page == 0 for segment in obj.elf.loads)
        return page if fits and not obj.is_builtin else self.memory.page_size

    def _load_dependencies(self, roots: Sequence[LinkedObject], *, opened: LinkedObject | None) -> None:
        """Load what the roots need, breadth first (glibc elf/dl-deps.c). ``opened``: the one that is being opened,
        whose links for the constructor order are only known afterwards."""
        queue = list(dict.fromkeys(roots))
        seen = {obj.index for obj in queue}
        for obj in queue:  # grows while it is walked
            if not obj.dependencies_loaded:
                obj.dependencies_loaded = True
                for name in obj.elf.needed:
                    dependency = self._load_needed(name, obj)
                    if dependency is not None and dependency not in obj.needed:
                        obj.needed.append(dependency)
                if obj.needed and obj is not opened:
                    obj.order_links = [obj, *obj.needed]
            for needed in obj.needed:
                if needed.index not in seen:
                    seen.add(needed.index)
                    queue.append(needed)

    def _load_needed(self, name: str, obj: LinkedObject) -> LinkedObject | None:
        """The object of a DT_NEEDED entry; None where the owner goes on without it."""
        try:
            return self._load(name, obj, obj)
        except LoadError as error:
            if error.code != "not-found" or self.absent is None or not self.absent(name, obj):
                raise
            obj.absent.append(name)
            return None


def _foreign(data: bytes, machine: Machine | None) -> str:
    """Why an ELF file is for another machine: "class", "machine", or "" for one that is not, or is no such file."""
    if machine is None or data[:4] != b"\x7fELF" or len(data) < 20:
        return ""
    if data[4] * 32 != machine.elf_class:
        return "class" if data[4] in (1, 2) else ""
    return "machine" if int.from_bytes(data[18:20], "little") != machine.e_machine else ""
