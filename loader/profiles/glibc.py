"""glibc's dynamic linker, 2.17 to 2.42, with what distributions carry from its release branches.

Facts: elf/dl-init.c, dl-sort-maps.c, dl-fini.c, dl-close.c (order), dl-tls.c (surplus), dl-load.c (files, search),
dl-version.c, dl-lookup.c, dl-object.c (scopes), dl-sym.c, dl-tunables.list.

Surplus static TLS (_dl_tls_static_surplus_init): with the default tunables 3 * 144 + 4 * 144 + 512 and what makes it the
1664 bytes of earlier versions (64 + 16 * 100), which had no tunables and let TLS descriptors take all of it.
A file for another machine is passed over in the search, so that dlopen says it found none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from ..dlfcn import RTLD_LAZY, RTLD_NOW
from ..elf import ElfFile
from ..errors import LoadError
from ..gabi import DF_1_INITFIRST, DF_1_NOOPEN, DF_1_PIE, DT_RELR, ET_EXEC
from ..hashes import sysv_hash
from ..machines.base import Machine
from ..objects import Handle, LinkedObject, Pseudo
from ..order import breadth_first, in_use, sort_dfs, sort_original
from ..search import candidates, directory_of, substitute
from ..state import State
from ..symbols import GNU, Matching
from ..versions import VersionNeed
from .base import Locks, Profile

VERSIONS = tuple(f"2.{minor}" for minor in range(17, 43))

LEGACY_SURPLUS = 1664
LIBC_TLS, OTHER_TLS = 144, 144
DEFAULT_NAMESPACES, MAX_NAMESPACES = 4, 16
DEFAULT_OPTIONAL = 512

#: when an ABI marker that is no GLIBC_x.y came
_RELR_MARKER = b"GLIBC_ABI_DT_RELR"
_MARKERS = {_RELR_MARKER: 36}
_MARKERS_SINCE_2_42 = 42
_WITHOUT_RELR = "link without -z pack-relative-relocs"


#: relocations whose addend is not added (sysdeps/x86_64/dl-machine.h, elf_machine_rela)
_WITHOUT_ADDEND = frozenset({"R_X86_64_JUMP_SLOT", "R_X86_64_GLOB_DAT"})
_WITHOUT_ADDEND_BEFORE_2_36: frozenset[str] = frozenset()
_STRONG_FIRST = Matching(strong_first=True)


#: machine → file, its line in 2.17 to 2.42, and text of the assertion about entries that DT_RELACOUNT counts
_COUNT_ASSERTIONS = {
    "amd64": (
        "../sysdeps/x86_64/dl-machine.h",
        (
            474, 492, 492, 493, 493, 497, 517, 521, 557, 558, 540, 538, 538, 540, 541, 541, 546, 542, 534, 487, 487, 487, 503,
            493, 498, 498,
        ),
        "ELFW(R_TYPE) (reloc->r_info) == R_X86_64_RELATIVE",
    ),
}  # fmt: skip


class Glibc(Profile):
    """See `Profile`; ``namespaces``, ``optional`` and ``sort_version`` are the tunables rtld.nns,
    rtld.optional_static_tls and rtld.dynamic_sort."""

    family = "glibc"
    title = "glibc"
    triple_word = "gnu"
    static_tls_remedy = "set GLIBC_TUNABLES=glibc.rtld.optional_static_tls=BYTES (glibc 2.32)"
    passes_environ = True
    shutdown = "early"
    late_static_tls = True
    libc_blocks: Mapping[str, tuple[int, int]] = {"amd64": (0x90, 8), "arm": (0x54, 4), "arm64": (0x90, 16)}  # of 2.36
    binds_lazily = True
    reads_descriptors = False
    adjusts_dynamic = True
    prints_warnings = True
    honours_stack_flags = True
    protected = True
    unique = True
    locks = Locks(
        in_constructors=True, at_exit=True, opening_unwinder=True, thread_destructors=True, new_bindings=True, iteration=True
    )
    refused = frozenset(
        {
            "R_ARM_REL32", "R_AARCH64_ABS16", "R_AARCH64_PREL64", "R_AARCH64_PREL32", "R_AARCH64_PREL16",
        }
    )  # fmt: skip
    instructions = frozenset({"R_ARM_PC24"})
    taken_for: Mapping[str, str] = {"R_AARCH64_ABS32": "R_AARCH64_ABS64"}
    passes_over_foreign = True
    minds_float_abi = True
    honours_filters = True
    counts_relative = True
    libc_names = frozenset(
        f"lib{name}"
        for name in (
            "c.so.6", "m.so.6", "pthread.so.0", "dl.so.2", "rt.so.1", "util.so.1", "resolv.so.2", "gcc_s.so.1",
        )
    )  # fmt: skip
    libc_prefixes = ("ld-linux",)
    words: Mapping[str, str] = {
        "machine": "{path}: cannot open shared object file: No such file or directory",
        # _dl_map_object_from_fd says by which name it was asked for a file
        **dict.fromkeys(("page-size", "executable", "no-open", "executable-stack"), "{name}: {message}"),
    }

    def __init__(
        self, version: str = VERSIONS[-1], page_size: int = 0x1000, name: str = "", tunables: Mapping[str, int] | None = None,
        *, strong_first: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(version, page_size, name)
        self.minor = int(version.partition(".")[2])
        self.tunables = dict(tunables or {})
        namespaces = self.tunables.get("rtld.nns", DEFAULT_NAMESPACES)
        optional = self.tunables.get("rtld.optional_static_tls", DEFAULT_OPTIONAL)
        self.surplus = LEGACY_SURPLUS + _surplus(namespaces, optional) - _surplus(DEFAULT_NAMESPACES, DEFAULT_OPTIONAL)
        # before 2.32 the whole surplus was there for whoever came first
        self.optional = optional if self.minor >= 32 else self.surplus
        self.depth_first = self.minor >= 35 and self.tunables.get("rtld.dynamic_sort") != 1
        self.applies_relr = self.minor >= 36
        self.without_addend = _WITHOUT_ADDEND if self.minor >= 36 else _WITHOUT_ADDEND_BEFORE_2_36
        self.matching = _STRONG_FIRST if strong_first else GNU

    def for_environment(self, environment: Mapping[str, str]) -> Profile:
        """With LD_DYNAMIC_WEAK and the tunables that GLIBC_TUNABLES sets and this version knows."""
        found = {}
        for entry in environment.get("GLIBC_TUNABLES", "").split(":"):
            name, _, text = entry.partition("=")
            known = _TUNABLES.get(name.removeprefix("glibc."))
            if known is None or not name.startswith("glibc.") or self.minor < known[0]:
                continue
            value = _number(text)
            if value is not None and known[1] <= value <= known[2]:
                found[name.removeprefix("glibc.")] = value
        strong_first = "LD_DYNAMIC_WEAK" in environment
        if not found and not strong_first:
            return self
        return type(self)(self.version, self.page_size, self.name, found, strong_first=strong_first)

    def worded(self, error: LoadError, doing: str, program: str = "") -> LoadError:
        """As it is: the loader's own words are glibc's."""
        return error

    def preload_words(self, name: str, error: LoadError) -> str:
        """do_preload; an errno's text is left out."""
        reason = error.message.removesuffix(": No such file or directory")
        return f"ERROR: ld.so: object '{name}' from LD_PRELOAD cannot be preloaded ({reason}): ignored."

    # -- files --------------------------------------------------------------------------------------------------------

    def era(self) -> tuple[object, ...]:
        """See `Profile`."""
        return self.minor >= 32, self.depth_first, self.minor >= 39

    def check_static(self, elf: ElfFile, *, opening: bool) -> Iterator[LoadError]:
        """See `Profile`."""
        yield from self.check_file(elf, opening=opening)
        yield from self.check_libc(elf)

    def check_file(self, elf: ElfFile, *, opening: bool) -> Iterator[LoadError]:
        """_dl_map_object_from_fd. Up to 2.34 each p_align had to be a multiple of the page size; from 2.41 on dlopen does not
        make the stack executable any more."""
        for segment in elf.loads:
            place = elf.segment_place(segment)
            if self.minor < 35 and segment.align % self.page_size:
                yield elf.error(place, "ELF load command alignment not page-aligned", "page-size")
            elif self.minor >= 35 and (segment.vaddr - segment.offset) % self.page_size:
                yield elf.error(place, "ELF load command address/offset not page-aligned", "page-size")
        if elf.type == ET_EXEC:
            yield elf.error("e_type at 0x10", "cannot dynamically load executable", "executable")
        elif elf.dt_flags_1 & DF_1_PIE:
            message = "cannot dynamically load position-independent executable"
            yield elf.error("DT_FLAGS_1", message, "executable")
        elif opening and elf.dt_flags_1 & DF_1_NOOPEN:
            yield elf.error("DT_FLAGS_1", "shared object cannot be dlopen()ed", "no-open")
        if opening and self.minor >= 41 and elf.asks_executable_stack:
            message = "cannot enable executable stack as shared object requires: Invalid argument"
            yield elf.error("PT_GNU_STACK", message, "executable-stack")

    def check_mode(self, name: str, flags: int) -> LoadError | None:
        """dl_open_worker."""
        if flags & (RTLD_LAZY | RTLD_NOW):
            return None
        return LoadError(name, "", "invalid mode for dlopen(): Invalid argument", "mode")

    def check_objects(self, objects: Sequence[LinkedObject], links: State) -> Iterator[LoadError]:
        """Every version asked for must be defined by the object it is asked of, unless that one defines none at all
        (_dl_check_map_versions)."""
        for obj in objects:
            if obj.elf.versions is not None:
                for need in obj.elf.versions.needs:
                    if need.file in obj.absent:
                        continue
                    provider = next((o for o in links.objects if need.file in o.names or o.soname == need.file), None)
                    if provider is None:
                        message = f"version of {need.file} required, which is not needed"
                        yield obj.elf.error("DT_VERNEED", message, "version")
                    elif not provider.is_builtin:
                        versions = provider.elf.versions
                        if versions is None or not versions.has_definitions:
                            if obj.startup:
                                text = f"no version information available (required by {links.shown(obj)})"
                                links.warn(obj, f"{links.shown(provider)}: {text}")
                        elif not need.weak and (need.name not in versions.defined or need.hash != versions.hashes[need.name]):
                            yield _no_version(provider.path, need, links.shown(obj), "DT_VERDEF")
            yield from self.check_libc(obj.elf)

    def check_libc(self, elf: ElfFile) -> Iterator[LoadError]:
        """Demands on the C library itself: versions of its symbols, and DT_RELR."""
        needs = elf.versions.needs if elf.versions is not None else []
        for need in needs:
            if self.is_libc(need.file) and not need.weak and not (self.provides(need.name) and need.hash == sysv_hash(need.name)):
                yield _no_version(need.file, need, elf.path, f"DT_VERNEED: {need.name.decode('utf-8', 'replace')}")
        asks_libc = bool(needs) and any(name.startswith("libc.so.") for name in elf.needed)
        marked = any(need.name == _RELR_MARKER for need in needs)
        if self.applies_relr and DT_RELR in elf.dynamic and asks_libc and not marked:
            message = "DT_RELR without GLIBC_ABI_DT_RELR dependency"
            yield elf.error("DT_RELR", message, "version", fix=_WITHOUT_RELR)

    def provides(self, version: bytes) -> bool:
        """True if the C library of this version defines a symbol version; those of other libraries it answers for are taken
        to be there."""
        found = re.fullmatch(rb"GLIBC_2\.(\d+)(\.\d+)?", version)
        if found:
            return int(found[1]) <= self.minor
        if version.startswith(b"GLIBC_ABI_"):
            return self.minor >= _MARKERS.get(version, _MARKERS_SINCE_2_42)
        return True

    # -- names --------------------------------------------------------------------------------------------------------

    def answers_to(self, obj: LinkedObject, name: str) -> bool:
        """By every name it was found under, and by its DT_SONAME (_dl_map_object)."""
        return obj.soname == name or (name in obj.names and not obj.is_main)

    def search(
        self, name: str, requester: LinkedObject | None, dependent: LinkedObject | None, links: State
    ) -> Iterator[str]:
        """See `loader.search.candidates`."""
        return candidates(name, requester, links.library_path, links.main, self.expand)

    def expand(self, name: str, obj: LinkedObject) -> str:
        """_dl_dst_substitute. $LIB is Debian's, which has a folder for each architecture."""
        if "$" not in name:
            return name
        machine = obj.elf.machine
        library = machine.soft_library_folder if obj.elf.flags & machine.soft_float else machine.library_folder
        return substitute(name, {"ORIGIN": directory_of(obj), "LIB": library, "PLATFORM": machine.platform})

    def expand_needed(self, name: str, obj: LinkedObject) -> str:
        """expand_dst, dl-deps.c."""
        return self.expand(name, obj)

    # -- order --------------------------------------------------------------------------------------------------------

    def constructor_order(
        self, objects: Sequence[LinkedObject], first: LinkedObject | None, roots: Sequence[LinkedObject]
    ) -> list[LinkedObject]:
        """_dl_map_object_deps sorts, _dl_init walks the result from its end."""
        if first is not None and objects[0] is not first:  # it has filters
            objects = [first, *(obj for obj in objects if obj is not first)]
        order = self._sort(objects, first, destructors=False)
        if first is not None:
            first.order_links = order
            first.bound_to = [obj for obj in first.bound_to if obj not in objects]
        return order[::-1]

    def initialised_first(self, order: Sequence[LinkedObject]) -> list[LinkedObject]:
        """_dl_init: DF_1_INITFIRST, of several the one that was mapped last."""
        marked = [obj for obj in order if obj.elf.dt_flags_1 & DF_1_INITFIRST]
        first = max(marked, key=lambda obj: obj.index, default=None)
        return list(order) if first is None else [first, *(obj for obj in order if obj is not first)]

    def relocation_order(
        self, objects: Sequence[LinkedObject], constructors: Sequence[LinkedObject]
    ) -> list[LinkedObject]:
        """dl_open_worker_begin relocates as _dl_init will initialise."""
        return list(constructors)

    def shutdown_order(self, objects: Sequence[LinkedObject], main: LinkedObject | None) -> list[LinkedObject]:
        """_dl_fini."""
        return self._sort(objects, main, destructors=True)

    def _sort(
        self,
        objects: Sequence[LinkedObject],
        first: LinkedObject | None,
        *,
        destructors: bool,
        kept: frozenset[int] = frozenset(),
    ) -> list[LinkedObject]:
        if self.depth_first:
            return sort_dfs(objects, first=first, destructors=destructors)
        return sort_original(objects, first=first, destructors=destructors, kept=kept)

    def close(self, handle: LinkedObject, links: State) -> list[LinkedObject]:
        """_dl_close_worker. Since 2.39 the destructors of what is closed run first, whatever depends on it."""
        if handle.nodelete:
            return []
        if handle.removed or handle.refs == 0:
            raise LoadError("" if handle.is_main else handle.path, "", "shared object not open", "not-open")
        handle.refs -= 1
        if handle.refs or handle.is_main:
            return []
        if links.closing:
            links.close_again = True
            return []
        return self._unused(handle, links)

    def close_rest(self, links: State) -> list[LinkedObject]:
        """_dl_close_worker does nothing in a destructor it has called itself, and looks again when it is done."""
        again, links.close_again = links.close_again, False
        return self._unused(None, links) if again else []

    def _unused(self, handle: LinkedObject | None, links: State) -> list[LinkedObject]:
        used = in_use(links.objects)
        gone = {o.index for o in links.objects if o.index not in used and not o.removed}
        if not gone:
            return []
        objects, first = list(links.objects), links.main
        if self.minor >= 39 and handle is not None:
            place = objects.index(handle)
            if first is not None:
                objects[place] = first
            else:
                del objects[place]
            objects[: 1 if first is not None else 0] = [handle]
            first = handle
        return [o for o in self._sort(objects, first, destructors=True, kept=frozenset(used)) if o.index in gone]

    # -- symbols ------------------------------------------------------------------------------------------------------

    def scopes(self, obj: LinkedObject, links: State) -> Iterator[Sequence[LinkedObject]]:
        """_dl_new_object; RTLD_DEEPBIND overrides DT_SYMBOLIC (_dl_map_object_from_fd)."""
        own = [root.searchlist for root in obj.scopes]
        if obj.deep_bind:
            yield from own
            yield links.global_scope
            return
        if obj.elf.symbolic and not obj.is_main:
            yield [obj]
        yield links.global_scope
        yield from own

    def dlsym_scopes(
        self, handle: Handle, caller: LinkedObject | None, links: State
    ) -> Iterable[Sequence[LinkedObject]]:
        """_dl_sym."""
        return gnu_dlsym_scopes(self, handle, caller, links)


    # -- words --------------------------------------------------------------------------------------------------------

    def miscounted(self, machine: Machine) -> str:
        """An assertion in sysdeps/x86_64/dl-machine.h; other machines have none."""
        if machine.name not in _COUNT_ASSERTIONS:
            return ""
        file, line, text = _COUNT_ASSERTIONS[machine.name]
        return (
            f"Inconsistency detected by ld.so: {file}: {line[self.minor - 17]}: elf_machine_rela_relative: "
            f"Assertion `{text}' failed!"
        )


def gnu_dlsym_scopes(
    profile: Profile, handle: Handle, caller: LinkedObject | None, links: State
) -> Iterable[Sequence[LinkedObject]]:
    """RTLD_DEFAULT searches the scope of the caller's references; RTLD_NEXT the objects after the caller in the search list
    of the object that brought it in; a handle is searched breadth first."""
    if handle is Pseudo.NEXT:
        if caller is None:
            return ()
        top = caller
        while top.loader is not None:
            top = top.loader
        scope = links.global_scope if top.startup else top.searchlist
        return (scope[scope.index(caller) + 1 :] if caller in scope else [],)
    if handle is Pseudo.DEFAULT and caller is not None:
        return profile.scopes(caller, links)
    if isinstance(handle, Pseudo) or handle.is_main:
        return (links.global_scope,)
    return (handle.searchlist or breadth_first(handle),)


def _no_version(provider: str, need: VersionNeed, path: str, where: str) -> LoadError:
    text = need.name.decode("utf-8", "backslashreplace")
    facts = {"fix": _WITHOUT_RELR} if need.name == _RELR_MARKER else {}
    return LoadError(provider, where, f"version `{text}' not found (required by {path})", "version", **facts)


def _surplus(namespaces: int, optional: int) -> int:
    return (namespaces - 1) * LIBC_TLS + namespaces * OTHER_TLS + optional


def _number(text: str) -> int | None:
    """A tunable's value, as strtoul with base 0 reads it."""
    try:
        return int(text, 8 if re.fullmatch("0[0-7]+", text) else 0)
    except ValueError:
        return None


#: name → first minor version, least and greatest value (elf/dl-tunables.list)
_TUNABLES = {
    "rtld.nns": (32, 1, MAX_NAMESPACES),
    "rtld.optional_static_tls": (32, 0, (1 << 64) - 1),
    "rtld.dynamic_sort": (35, 1, 2),
}
