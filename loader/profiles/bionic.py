"""bionic's dynamic linker, Android's, by API level: 21 (5.0) to 36 (16), with 4 KB or, from 35 on, 16 KB pages.

Facts: linker/linker.cpp (find_libraries, prelink_image, soinfo_unload, do_dlopen, dlsym_linear_lookup), linker_phdr.cpp
(files), linker_relocate.cpp, linker_soinfo.cpp (lookup, constructors), dlfcn.cpp (words), as tagged for each release, and
android-changes-for-ndk-developers.md. An app is taken to target the API level of its device; namespaces, which keep an app
from the system's private libraries, are not modelled.

Libraries are loaded in groups: what one dlopen brings in is one, is looked through breadth first, is counted and unloaded
as one. Destructors run at dlclose only: at exit nothing calls those of libraries.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from posixpath import basename

from ..dlfcn import RTLD_GLOBAL, RTLD_LAZY, RTLD_NODELETE, RTLD_NOLOAD, RTLD_NOW
from ..elf import ElfFile
from ..errors import LoadError
from ..gabi import DF_1_GLOBAL, DT_GNU_HASH, DT_HASH, DT_TEXTREL, ET_DYN, PF_W, PF_X, SHN_UNDEF, STB_GLOBAL, STB_WEAK, Symbol
from ..objects import Handle, LinkedObject, Pseudo
from ..order import breadth_first, depth_first
from ..search import directory_of, runpath_directories, substitute
from ..state import State
from ..symbols import Matching, Query
from ..versions import HIDDEN
from .base import Locks, Profile

VERSIONS = tuple(str(level) for level in range(21, 37))
FIRST_WITH_THREAD_DESTRUCTORS = 28
FIRST_WITH_16K_PAGES = 35
KNOWN_FLAGS = RTLD_LAZY | RTLD_NOW | RTLD_NOLOAD | RTLD_GLOBAL | RTLD_NODELETE
_VERSION_OF_ALL = 1  # kVersymGlobal
_DOCUMENT = "https://android.googlesource.com/platform/bionic/+/master/android-changes-for-ndk-developers.md"

_TLS = {
    "R_X86_64_DTPMOD64", "R_X86_64_DTPOFF64", "R_X86_64_TPOFF64", "R_ARM_TLS_DTPMOD32", "R_ARM_TLS_DTPOFF32",
    "R_ARM_TLS_TPOFF32", "R_AARCH64_TLS_DTPMOD64", "R_AARCH64_TLS_DTPREL64",
}  # fmt: skip
_ALWAYS_REFUSED = {
    "R_X86_64_COPY", "R_X86_64_SIZE32", "R_X86_64_SIZE64", "R_X86_64_TLSDESC", "R_X86_64_RELATIVE64", "R_ARM_COPY",
    "R_ARM_TLS_DESC", "R_AARCH64_COPY",
}  # fmt: skip
_UNTIL_29 = {
    "R_ARM_REL32", "R_AARCH64_ABS32", "R_AARCH64_ABS16", "R_AARCH64_PREL64", "R_AARCH64_PREL32", "R_AARCH64_PREL16",
}  # fmt: skip
"""Dropped when relocation was written anew (linker_relocate.cpp)."""


class _Matching(Matching):
    """check_symbol_version and is_symbol_global_and_defined."""

    asserts_versions = False

    def __init__(self, versions: bool) -> None:
        super().__init__()
        self.versions = versions

    def admits(self, symbol: Symbol, query: Query) -> bool:
        """Defined, and global or weak."""
        return symbol.bind in (STB_GLOBAL, STB_WEAK) and symbol.shndx != SHN_UNDEF

    def fit(self, elf: ElfFile, index: int, query: Query) -> str:
        """The version asked for, or where the file does not define it, the base; any that is not hidden if none is asked
        for."""
        versions = elf.versions
        raw = versions.raw(index) if versions and self.versions else None
        if versions is None or raw is None:
            return "yes"
        if query.version is None:
            return "no" if raw & HIDDEN else "yes"
        name, wanted = query.version.name, _VERSION_OF_ALL
        if name in versions.defined:
            wanted = next(number for number, own in versions.by_index.items() if own.name == name)
        return "yes" if raw & 0x7FFF == wanted else "no"

    def binds(self, symbol: Symbol) -> bool:
        """Of any visibility."""
        return True


class Bionic(Profile):
    """See `Profile`."""

    family = "bionic"
    title = "bionic"
    triple_word = "android"
    opens_again = True
    shutdown = "late"
    go_systems = ("android",)
    locks = Locks(in_constructors=True, iterating=True)
    libc_names = frozenset({"libc.so", "libm.so", "libdl.so", "libstdc++.so"})

    def __init__(self, version: str = VERSIONS[-1], page_size: int = 0x1000, name: str = "") -> None:
        super().__init__(version, page_size, name)
        self.level = level = int(version)
        self.applies_relr = level >= 30
        self.elf_tls = level >= 29
        self.locks = self.locks._replace(thread_destructors=level >= FIRST_WITH_THREAD_DESTRUCTORS)
        self.reads_packed = level >= 23
        self.by_soname_only = level >= 23
        self.matching = _Matching(versions=level >= 23)
        self.folders = ("/system/lib64", "/system/lib")
        self.refused = frozenset(
            _ALWAYS_REFUSED | (set() if self.elf_tls else _TLS) | (_UNTIL_29 if level >= 30 else set())
        )
        self.ignored = frozenset(() if self.elf_tls else {"R_AARCH64_TLS_TPREL64", "R_AARCH64_TLSDESC"})
        self.words = self._words()

    def check_pages(self) -> str:
        """16 KB pages came with API level 35."""
        if self.page_size == 0x1000 or (self.page_size == 0x4000 and self.level >= FIRST_WITH_16K_PAGES):
            return ""
        return f"bionic has 4 KB pages, from API level {FIRST_WITH_16K_PAGES} on also 16 KB"

    # -- files --------------------------------------------------------------------------------------------------------

    def era(self) -> tuple[object, ...]:
        """See `Profile`."""
        return self.level >= 23, self.level >= 24

    def check_static(self, elf: ElfFile, *, opening: bool) -> Iterator[LoadError]:
        """See `Profile`."""
        yield from self.check_file(elf, opening=opening)
        yield from self.check_segments(elf)
        yield from self.check_dynamic(elf)

    def check_file(self, elf: ElfFile, *, opening: bool) -> Iterator[LoadError]:
        """ElfReader::Read."""
        if elf.type != ET_DYN:
            yield elf.error("e_type at 0x10", f"has unexpected e_type: {elf.type}", "file")
        if self.level < 24:
            return
        expected = 64 if elf.machine.word == 8 else 40
        if self.level >= 26 and elf.shentsize != expected:
            message = f"has unsupported e_shentsize: {elf.shentsize:#x} (expected {expected:#x})"
            yield elf.error("e_shentsize", message, "file")
        if self.level >= 26 and elf.shstrndx == 0:
            yield elf.error("e_shstrndx", "has invalid e_shstrndx", "file")
        if elf.shnum == 0:
            yield elf.error("e_shnum", "has no section headers", "file")

    def check_objects(self, objects: Sequence[LinkedObject], links: State) -> Iterator[LoadError]:
        """LoadSegments for all, then prelink_image for all."""
        for obj in objects:
            yield from self.check_segments(obj.elf)
        for obj in objects:
            yield from self.check_dynamic(obj.elf)
            yield from self._check_version_needs(obj)

    def check_segments(self, elf: ElfFile) -> Iterator[LoadError]:
        """ElfReader::LoadSegments."""
        smallest = min([self.page_size, *(s.align for s in elf.loads if s.align > 1)])
        if self.page_size > 0x1000 and smallest < self.page_size:
            segment = next(s for s in elf.loads if s.align == smallest)
            message = f"program alignment ({smallest}) cannot be smaller than system page size ({self.page_size})"
            yield elf.error(elf.segment_place(segment), message, "file")
        for segment in elf.loads:
            if self.level >= 26 and segment.flags & PF_W and segment.flags & PF_X:
                message = (
                    ": W+E load segments are not allowed"
                    if self.level < 36
                    else "has load segments that are both writable and executable"
                )
                yield elf.error(elf.segment_place(segment), message, "file")

    def check_dynamic(self, elf: ElfFile) -> Iterator[LoadError]:
        """soinfo::prelink_image, and link_image for 32-bit files."""
        if elf.textrel and (elf.machine.word == 8 or self.level >= 23):
            tag = "DT_TEXTREL" if DT_TEXTREL in elf.dynamic else "DF_TEXTREL"
            yield elf.error(tag, self._text_relocations(elf, tag), "plain")
        if DT_HASH not in elf.dynamic and (DT_GNU_HASH not in elf.dynamic or self.level < 23):
            kind, why = (
                ("DT_HASH", "(built with --hash-style=gnu?)")
                if self.level < 23
                else ("DT_HASH/DT_GNU_HASH", "(new hash type from the future?)")
            )
            yield elf.error("PT_DYNAMIC", f'empty/missing {kind} in "{elf.path}" {why}', "plain")

    def _text_relocations(self, elf: ElfFile, tag: str) -> str:
        if elf.machine.word == 8:
            if self.level < 26:
                return f'text relocations ({tag}) found in 64-bit ELF file "{elf.path}"'
            return f'"{elf.path}" has text relocations'
        if self.level < 26:
            return f"{elf.path}: has text relocations"
        if self.level < 28 or self.level >= 36:
            return f'"{elf.path}" has text relocations'
        return f'"{elf.path}" has text relocations ({_DOCUMENT}#Text-Relocations-Enforced-for-API-level-23)'

    def _check_version_needs(self, obj: LinkedObject) -> Iterator[LoadError]:
        """VersionTracker::init_verneed."""
        if self.level < 23 or obj.elf.versions is None:
            return
        for number, file in enumerate(dict.fromkeys(need.file for need in obj.elf.versions.needs)):
            if not any(file in other.names or other.soname == file for other in obj.needed):
                message = f'cannot find "{file}" from verneed[{number}] in DT_NEEDED list for "{obj.path}"'
                yield obj.elf.error("DT_VERNEED", message, "plain")

    def check_mode(self, name: str, flags: int) -> LoadError | None:
        """do_dlopen."""
        if not flags & ~KNOWN_FLAGS:
            return None
        return LoadError(name, "", f"invalid flags to dlopen: {flags:x}", "plain")

    def not_loaded(self, name: str) -> LoadError | None:
        """load_library; before 23 dlopen only answered NULL."""
        if self.level < 23:
            return None
        return LoadError(name, "", f'library "{name}" wasn\'t loaded and RTLD_NOLOAD prevented it', "plain")

    # -- names --------------------------------------------------------------------------------------------------------

    def answers_to(self, obj: LinkedObject, name: str) -> bool:
        """By DT_SONAME, a name without a slash; before 23 by the last part of path and name."""
        if obj.is_builtin:
            return name in obj.names
        if self.level < 23:
            return basename(obj.path) == basename(name)
        return "/" not in name and obj.soname == name and not obj.is_main

    def search(
        self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None, links: State
    ) -> Iterator[str]:
        """LD_LIBRARY_PATH, DT_RUNPATH of the one that asks (from 24 on), the system's folders (open_library)."""
        if "/" in name and (dependent is None or self.level >= 23):
            yield name
            return
        name = basename(name)
        folders = list(links.library_path)
        if requester is not None and self.level >= 24:
            folders += runpath_directories(requester, self.expand)
        for folder in dict.fromkeys(folders):
            yield f"{folder}/{name}"
        yield name

    def expand(self, name: str, obj: LinkedObject) -> str:
        """format_string, with what soinfo::set_dt_runpath gives it."""
        return substitute(name, {"ORIGIN": directory_of(obj), "LIB": "lib64" if obj.elf.machine.word == 8 else "lib"})

    # -- order --------------------------------------------------------------------------------------------------------

    def constructor_order(
        self, objects: Sequence[LinkedObject], first: LinkedObject | None, roots: Sequence[LinkedObject]
    ) -> list[LinkedObject]:
        """call_constructors: each object counts as called before its children are, which come first."""
        order = []
        for obj, entered in depth_first(roots, lambda obj: obj.claimed):
            obj.claims = entered
            order.append(obj)
        return order

    def relocation_order(
        self, objects: Sequence[LinkedObject], constructors: Sequence[LinkedObject]
    ) -> list[LinkedObject]:
        """find_libraries, step 6: breadth first."""
        return list(objects)

    def shutdown_order(self, objects: Sequence[LinkedObject], main: LinkedObject | None) -> list[LinkedObject]:
        """Only the program's own, which its start code hands to atexit."""
        return [main] if main is not None else []

    def opened(self, root: LinkedObject, new: Sequence[LinkedObject]) -> None:
        """find_libraries, step 7: a need that leaves the group holds the other one."""
        for obj in new:
            for needed in obj.needed:
                if needed.group is not None and needed.group is not obj.group:
                    needed.group.group_refs += 1
        group = root.group or root
        group.group_refs += 1

    def made_global(self, root: LinkedObject, new: Sequence[LinkedObject]) -> Sequence[LinkedObject]:
        """The objects that this dlopen loaded."""
        return new

    def close(self, handle: LinkedObject, links: State) -> list[LinkedObject]:
        """soinfo_unload."""
        group = handle.group or handle
        if handle.is_main:
            return []
        if handle.removed or (group.group_refs == 0 and not group.startup):
            raise LoadError(handle.path, "", "invalid handle", "not-open")
        return self._dropped(handle, links)

    def pin(self, obj: LinkedObject, change: int, links: State) -> list[LinkedObject]:
        """From 28 on (increment_dso_handle_reference) the first one holds the
        object's group, and the last one drops it."""
        before = obj.thread_destructors
        obj.thread_destructors += change
        if self.level < FIRST_WITH_THREAD_DESTRUCTORS or bool(before) == bool(obj.thread_destructors):
            return []
        if change > 0:
            (obj.group or obj).group_refs += 1
            return []
        return self._dropped(obj, links)

    def _dropped(self, obj: LinkedObject, links: State) -> list[LinkedObject]:
        """The objects that go when a reference to one is dropped, in destructor order."""
        unloaded: list[LinkedObject] = []
        waiting = [obj]
        while waiting:
            waiting += self._drop(waiting.pop(0), links, unloaded)
        return unloaded

    def _drop(self, obj: LinkedObject, links: State, unloaded: list[LinkedObject]) -> list[LinkedObject]:
        """Take a reference from an object's group, and unload it when that was the last one: what other groups it held is
        answered, to be dropped in turn."""
        group = obj.group or obj
        group.group_refs = max(group.group_refs - 1, 0)
        if group.group_refs or group.startup or group.is_global or group.nodelete or group in unloaded:
            return []
        going, others, left = [group], [], list(unloaded)
        for each in going:  # grows while it is walked
            left.append(each)
            for child in each.needed:
                if child in left:
                    continue
                if (child.group or child) is not group:
                    others.append(child)
                elif child not in going and not any(child in o.needed for o in links.objects if o not in left):
                    going.append(child)
        unloaded += going
        return others

    # -- symbols ------------------------------------------------------------------------------------------------------

    def scopes(self, obj: LinkedObject, links: State) -> Iterator[Sequence[LinkedObject]]:
        """The object itself if DT_SYMBOLIC, the program and what is marked DF_1_GLOBAL, then the group; before 23 the
        program, the object and what it needs."""
        if obj.elf.symbolic:
            yield [obj]
        yield [o for o in links.objects if o.is_main or o.elf.dt_flags_1 & DF_1_GLOBAL]
        if self.level < 23:
            yield [obj, *obj.needed]
        else:
            yield self._group_of(obj, links)

    def _group_of(self, obj: LinkedObject, links: State) -> Sequence[LinkedObject]:
        if obj.startup:
            return [o for o in links.objects if o.startup]
        root = obj.group or obj
        return root.searchlist or breadth_first(root)

    def dlsym_scopes(
        self, handle: Handle, caller: LinkedObject | None, links: State
    ) -> Iterable[Sequence[LinkedObject]]:
        """dlsym_linear_lookup and dlsym_handle_lookup."""
        if not isinstance(handle, Pseudo) and not handle.is_main:
            return (breadth_first(handle),)
        visible = [o for o in links.objects if o.is_global or self.level < 23]
        if handle is Pseudo.NEXT:
            if caller is None:
                return ()
            group = self._group_of(caller, links)
            behind = group[group.index(caller) + 1 :] if caller in group else ()
            return ([o for o in visible if o.index > caller.index], behind)
        return (visible, self._group_of(caller, links) if caller is not None and handle is Pseudo.DEFAULT else ())

    # -- words --------------------------------------------------------------------------------------------------------

    def dlerror(self, error: LoadError, doing: str = "dlopen", program: str = "") -> str:
        """As __bionic_format_dlerror puts it, or linker_main."""
        text = super().dlerror(error, doing)
        if error.code not in self.words or doing == "dlsym":
            return text
        if doing == "start":
            return f'CANNOT LINK EXECUTABLE "{program}": {text}' if self.level >= 24 else f"CANNOT LINK EXECUTABLE: {text}"
        return f"{doing} failed: {text}"

    def _words(self) -> dict[str, str | Callable[[LoadError], str]]:
        return {
            "plain": "{message}",
            "file": _about_file,
            "not-found": self._not_found,
            "undefined-symbol": 'cannot locate symbol "{symbol}" referenced by "{path}"...',
            "no-symbol": "undefined symbol: {versioned}" if self.level >= 24 else "undefined symbol: {symbol}",
            "static-tls": lambda error: (
                f'TLS symbol "{error.facts.get("own_symbol") or "(null)"}" in dlopened "{error.facts["definer"]}" '
                f'referenced from "{error.facts["user"]}" using IE access model'
            ),
            "reloc-type": self._unknown_relocation,
            "relro": 'can\'t enable GNU RELRO protection for "{path}": Out of memory',
            "no-dynamic": 'missing PT_DYNAMIC in "{path}"',
            "not-open": "invalid handle: {handle}",
            "handle": "invalid handle: {handle}",
        }

    def _not_found(self, error: LoadError) -> str:
        text = f'library "{error.path}" not found'
        needed_by = error.facts.get("needed_by")
        if not needed_by or self.level < 30:
            return text
        return f"{text}: needed by {needed_by} in namespace (default)"

    def _unknown_relocation(self, error: LoadError) -> str:
        facts = error.facts
        if str(facts.get("relocation", "")).endswith("COPY"):
            return f"{error.path} {'COPY' if self.level >= 30 else facts['relocation']} relocations are not supported"
        if self.level == 28 and facts.get("own_symbol") and facts.get("relocation") in _TLS:
            return f'unsupported ELF TLS symbol "{facts["own_symbol"]}" referenced by "{error.path}"'
        if self.level < 30:
            return f"unknown reloc type {facts.get('number')} @ {facts.get('entry_address')} ({facts.get('entry')})"
        return f'unknown reloc type {facts.get("number")} in "{error.path}"'


def _about_file(error: LoadError) -> str:
    return f'"{error.path}"{"" if error.message.startswith(":") else " "}{error.message}'
