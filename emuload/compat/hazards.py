"""Hazards and remarks that follow from the file, though the linker gives no message."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from emuload.compat.model import DLOPEN, HAZARD, REMARK, Reason
from emuload.compat.subject import Subject
from loader.gabi import DT_RELR, PF_W, PF_X
from loader.profiles import Profile

_ANDROID_PACKED = {0x6000000F: "DT_ANDROID_REL", 0x60000011: "DT_ANDROID_RELA", 0x6FFFE000: "DT_ANDROID_RELR"}
_LARGE_SHARE = 4
"""Taking more than a fourth of the surplus is a hazard: a few such libraries and the next one is refused."""


def hazards(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    """In no particular order of weight."""
    for rule in _RULES:
        yield from rule(subject, profile, loading)


def _static_tls(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    """The ledger of the surplus."""
    template = subject.elf.tls
    entry = next((e for e in subject.entries if "TPOFF" in e.name or "TPREL" in e.name), None)
    if template is None or entry is None or loading != DLOPEN or not profile.late_static_tls:
        return
    words = f"takes {template.memsz} of the {profile.surplus} bytes of static TLS that all dlopened libraries share"
    large = template.memsz * _LARGE_SHARE > profile.surplus
    fix = "compile with -ftls-model=global-dynamic" if large and not subject.is_go else ""
    yield Reason(HAZARD if large else REMARK, "static-tls", words, entry.where, fix)


def _relr(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    if DT_RELR in subject.elf.dynamic and not profile.applies_relr:
        words = "DT_RELR is passed over in silence: its addresses stay unrelocated, and the first use of one crashes"
        yield Reason(HAZARD, "relr", words, "DT_RELR", "link without -z pack-relative-relocs (lld: --pack-dyn-relocs=none)")


def _packed(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    if profile.reads_packed:
        return
    for tag, name in _ANDROID_PACKED.items():
        if tag in subject.elf.dynamic:
            words = f"{name} is passed over in silence: its relocations are not applied"
            yield Reason(HAZARD, "packed", words, name, "link with --pack-dyn-relocs=none")


def _ignored(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    entry = next((e for e in subject.entries if e.name in profile.ignored), None)
    if entry is not None:
        words = "the relocation is passed over in silence: thread-local variables lie on top of the thread's own data"
        yield Reason(HAZARD, "ignored-relocation", words, entry.where, "compile with -femulated-tls")


def _text_relocations(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    if subject.elf.textrel:
        words = "text relocations: code pages are written to, cost memory in each process, and SELinux may refuse it (execmod)"
        yield Reason(HAZARD, "textrel", words, "DT_TEXTREL", "compile everything with -fPIC, assembly too")


def _writable_code(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    for segment in subject.elf.loads:
        if segment.flags & PF_W and segment.flags & PF_X:
            words = "a segment is writable and executable: SELinux and hardened kernels may refuse it"
            yield Reason(HAZARD, "writable-code", words, subject.elf.segment_place(segment), "link without -N")


def _stack(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    if profile.honours_stack_flags and subject.elf.asks_executable_stack:
        words = "makes every thread's stack executable"
        yield Reason(HAZARD, "executable-stack", words, "PT_GNU_STACK", "link with -z noexecstack")


def _constructor_arguments(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    if subject.is_go and not profile.constructor_arguments:
        words = "constructors are passed no argc and argv, which Go's runtime reads (golang/go#13492)"
        yield Reason(REMARK, "constructor-arguments", words, "DT_INIT_ARRAY")


def _names(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    if profile.by_soname_only and subject.elf.soname is None:
        words = "it has no DT_SONAME: a library that needs it does not find it among those loaded"
        yield Reason(REMARK, "soname", words, "DT_SONAME", "link with -Wl,-soname,NAME")


def _go_system(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    if not subject.is_for(profile):
        words = f"its Go part was built for GOOS={subject.go_system}"
        yield Reason(REMARK, "goos", words, ".go.buildinfo", f"build with GOOS={profile.go_systems[0]}")


def _go_scans_for_its_slot(subject: Subject, profile: Profile, loading: str) -> Iterator[Reason]:
    if subject.go_system in profile.go_systems and not profile.elf_tls:
        words = "Go finds its g behind a pthread key whose slot it searches by a magic value (golang/go#29674)"
        yield Reason(REMARK, "magic-key", words, ".go.buildinfo")


_RULES: tuple[Callable[[Subject, Profile, str], Iterator[Reason]], ...] = (
    _static_tls, _relr, _packed, _ignored, _text_relocations, _writable_code, _stack, _constructor_arguments, _names,
    _go_system, _go_scans_for_its_slot,
)  # fmt: skip
