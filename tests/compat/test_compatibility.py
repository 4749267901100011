"""Verdicts, reasons and advice on loading elsewhere, compared with the linkers' words and with runs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import emuload
from emuload import samples
from emuload.compat import DLOPEN, LINKED, Outcome, Reason, Subject, verdicts
from loader import LoadError, profile
from loader import gabi as e
from loader.profiles import everywhere
from tests.loader.elfwriter import TEXT, ElfWriter
from tests.loader.native import AVAILABLE
from tests.loader.steps import host_musl, run_script
from tests.support.command_line import emuload as command
from tests.support.toolchain import c_library, go_library

IE_WORDS = "Error relocating {0}: : initial-exec TLS resolves to dynamic definition in {0}"


def outcomes(path: Path, *names: str) -> dict[tuple[str, str], Outcome]:
    """(profile, loading) → what becomes of the file as it is."""
    found = verdicts(Subject(str(path), []), [profile(name) for name in names] or everywhere())
    return {(verdict.profile, verdict.loading): verdict.outcome for verdict in found}


def rebuilt(path: Path, *names: str) -> dict[tuple[str, str], Outcome | None]:
    found = verdicts(Subject(str(path), []), [profile(name) for name in names])
    return {(verdict.profile, verdict.loading): verdict.rebuilt for verdict in found}


def put(folder: Path, writer: ElfWriter, name: str = "x.so") -> Path:
    (folder / name).write_bytes(writer.build())
    return folder / name


def lib(machine: str = "amd64", **details: object) -> ElfWriter:
    return ElfWriter(machine, **{"soname": "x.so", "sections": True, "hash": "both", **details})  # type: ignore[arg-type]


def first(outcome: Outcome | None) -> Reason:
    assert outcome is not None
    return outcome.reasons[0]


# -- the library of the Alpine user: DT_NEEDED libc.musl-x86_64.so.1, STATIC_TLS, a TPOFF64 without a symbol ------------------


@pytest.fixture
def seed(tmp_path: Path) -> Path:
    writer = lib(needed=("libc.musl-x86_64.so.1",), flags=e.DF_SYMBOLIC | e.DF_BIND_NOW | e.DF_STATIC_TLS)
    writer.thread_local(b"", 8)
    writer.reloc(18, writer.words(0), None, 0)
    return put(tmp_path, writer, "cc.so")


def test_the_alpine_users_library(seed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(seed.parent)
    path = Path("./cc.so")
    shown = "cc.so"
    found = outcomes(path)
    for member in everywhere():
        opened = found[member.name, DLOPEN]
        assert opened.status == "refused"
        if member.family == "musl":
            assert opened.reasons[0].words == IE_WORDS.format(shown)
            assert opened.reasons[0].place.endswith(", R_X86_64_TPOFF64")
            assert found[member.name, LINKED].status == "loads"
    other = rebuilt(path, "glibc:2.17", "glibc:2.42", "bionic:21", "bionic:28", "bionic:29", "bionic:36")
    assert first(other["glibc:2.17", DLOPEN]).words.startswith("takes 8 of the 1664 bytes of static TLS")
    assert {other[name, DLOPEN].status for name in ("glibc:2.17", "glibc:2.42")} == {"loads"}  # type: ignore[union-attr]
    assert first(other["bionic:28", DLOPEN]).words.startswith("dlopen failed: unknown reloc type 18 @ ")
    ie = f'dlopen failed: TLS symbol "(null)" in dlopened "{shown}" referenced from "{shown}" using IE access model'
    assert [first(other[name, DLOPEN]).words for name in ("bionic:29", "bionic:36")] == [ie, ie]


def test_a_go_library_on_musl_is_refused_or_faults_in_sysargs() -> None:
    path = go_library("behaviour", "amd64-musl")
    found = outcomes(path, "musl:1.2.3")
    assert found["musl:1.2.3", DLOPEN].reasons[0].words == IE_WORDS.format(path)
    linked = found["musl:1.2.3", LINKED]
    assert linked.status == "loads but"
    fault = linked.reasons[-1]
    assert (fault.seen, fault.words.partition(" ")[0]) == ("run", "SIGSEGV")
    assert "called from runtime.sysargs at runtime/os_linux.go:" in fault.place
    assert "golang/go#13492" in fault.fix


@pytest.mark.parametrize(("name", "first_glibc"), [("amd64", "2.17"), ("armv7", "2.34"), ("arm64", "2.17")])
def test_a_go_library_everywhere(tmp_path: Path, name: str, first_glibc: str) -> None:
    """The ARM samples ask for GLIBC_2.34: readelf -V says so."""
    path = samples.path(name, tmp_path)
    found = outcomes(path)
    for member in everywhere():
        if member.family == "glibc" and member.version < first_glibc:
            for loading in (DLOPEN, LINKED):
                reasons = found[member.name, loading].reasons
                assert f"libc.so.6: version `GLIBC_{first_glibc}' not found (required by {path})" in [r.words for r in reasons]
            continue
        statuses = {loading: found[member.name, loading].status for loading in (DLOPEN, LINKED)}
        expected = {
            "glibc": {DLOPEN: "loads", LINKED: "loads"},
            "musl": {DLOPEN: "refused", LINKED: "loads but"},
            "bionic": {DLOPEN: "refused", LINKED: "refused"},  # no libc.so.6 there
        }
        assert statuses == expected[member.family], member.name


# -- the words are the linker's -------------------------------------------------------------------------------------------


def needing_symbol(name: str) -> ElfWriter:
    writer = lib(needed=("libc.so.6",))
    writer.undefined(name, version="GLIBC_2.3.4", file="libc.so.6")
    writer.refer(name, 7)
    return writer


def ifunc() -> ElfWriter:
    writer = lib(text=bytes.fromhex("488d05f9ffffffc3"))  # lea rax, [rip-7]; ret: the resolver chooses itself
    writer.reloc(37, writer.words(0), None, TEXT)
    return writer


def undefined() -> ElfWriter:
    writer = lib()
    writer.undefined("nowhere")
    writer.refer("nowhere", 6)
    return writer


def static_tls(size: int) -> ElfWriter:
    writer = lib()
    writer.thread_local(b"", size)
    writer.reloc(18, writer.words(0), None, 0)
    return writer


def new_version() -> ElfWriter:
    writer = lib(needed=("libc.so.6",))
    writer.undefined("f", version="GLIBC_2.34", file="libc.so.6", bind=e.STB_WEAK)
    return writer


REFUSED_SOMEWHERE: dict[str, Callable[[], ElfWriter]] = {
    "ifunc": ifunc,
    "undefined": undefined,
    "static TLS": lambda: static_tls(4000),
    "version": new_version,
    "text relocations": lambda: lib(flags=e.DF_TEXTREL),
    "writable code": lambda: lib(extra_segments=[(e.PT_LOAD, 7, 0xA000, 0x40000, 0, 0x1000, 0x1000)]),
    "no DT_HASH": lambda: lib(hash="gnu"),
    "no sections": lambda: lib(sections=False),
    "missing library": lambda: lib(needed=("libabsent.so",)),
    "small pages": lambda: lib(align=0x100),
    "executable stack": lambda: lib(stack=7),
}
PROFILES = ["glibc:2.17", "glibc:2.34", "glibc:2.40", "glibc:2.41", "musl:1.2.3", "bionic:22", "bionic:25", "bionic:28",
            "bionic:33", "bionic:36", "bionic:36/16k"]  # fmt: skip


@pytest.mark.parametrize("name", REFUSED_SOMEWHERE)
def test_what_is_refused_is_what_dlopen_refuses(tmp_path: Path, name: str) -> None:
    """The first reason is what dlopen in the emulator fails with; and where there is none, it does not fail."""
    path = put(tmp_path, REFUSED_SOMEWHERE[name]())
    found = outcomes(path, *PROFILES)
    refused = [each for each in PROFILES if found[each, DLOPEN].status == "refused"]
    assert refused
    for each in PROFILES:
        process = emuload.Process("amd64", profile=each)
        try:
            process.dlopen(str(path))
        except LoadError as error:
            reason = found[each, DLOPEN].reasons[0]
            said = str(LoadError(error.path, "", error.message))
            if "unknown reloc type" in said:  # it names an address
                said, reason = said.partition(" @ ")[0], Reason(reason.kind, reason.code, reason.words.partition(" @ ")[0])
            if not any("not found: needed by" in words or "libc.so.6" in words for words in (said, reason.words)):
                assert said == reason.words, each
        else:
            assert each not in refused or "libc.so.6" in found[each, DLOPEN].reasons[0].words, each


@pytest.mark.skipif(not (AVAILABLE and host_musl()), reason="needs x86-64 Linux with musl")
def test_what_musl_lacks_of_glibc_is_refused_in_musls_words(tmp_path: Path) -> None:
    names = ["__fprintf_chk", "printf", "gnu_get_libc_version", "fopen64", "__errno_location", "mallopt"]
    for name in names:
        put(tmp_path, needing_symbol(name), f"{name}.so")
    version = f"musl:{host_musl()}"
    said = run_script([f"open ./{name}.so 2" for name in names], tmp_path, "musl")
    for name, answer in zip(names, said, strict=True):
        reasons = outcomes(tmp_path / f"{name}.so", version)[version, DLOPEN].reasons
        words = reasons[0].words.replace(f"{tmp_path}/", "./") if reasons else ""
        assert answer == ("!" if words else "") + words + ",;"
    assert [bool(answer[0] == "!") for answer in said] == [True, False, True, False, False, True]
    reason = outcomes(tmp_path / "__fprintf_chk.so", version)[version, DLOPEN].reasons[0]
    assert reason.place.startswith("DT_JMPREL entry 0 at ")
    assert "-U_FORTIFY_SOURCE" in reason.fix


def test_all_that_is_refused_is_said_not_only_the_first(tmp_path: Path) -> None:
    writer = lib(flags=e.DF_TEXTREL, extra_segments=[(e.PT_LOAD, 7, 0xA000, 0x40000, 0, 0x1000, 0x1000)])
    reasons = outcomes(put(tmp_path, writer), "bionic:30")["bionic:30", DLOPEN].reasons
    path = tmp_path / "x.so"
    assert [reason.words for reason in reasons] == [
        f'dlopen failed: "{path}": W+E load segments are not allowed',
        f'dlopen failed: "{path}" has text relocations',
    ]
    assert all(reason.fix and reason.place for reason in reasons)


# -- hazards ---------------------------------------------------------------------------------------------------------------


def relr() -> ElfWriter:
    writer = lib()
    writer.relr.append(writer.words(TEXT))
    return writer


@pytest.mark.parametrize(
    ("make", "name", "loading", "words"),
    [
        (relr, "glibc:2.35", DLOPEN, "DT_RELR is passed over in silence"),
        (relr, "musl:1.2.3", LINKED, "DT_RELR is passed over in silence"),
        (relr, "bionic:29", DLOPEN, "DT_RELR is passed over in silence"),
        (lambda: static_tls(900), "glibc:2.36", DLOPEN, "takes 900 of the 1664 bytes of static TLS"),
        (lambda: lib(flags=e.DF_TEXTREL), "glibc:2.36", DLOPEN, "text relocations: code pages are written to"),
        (lambda: lib(stack=7), "glibc:2.36", DLOPEN, "makes every thread's stack executable"),
        (lambda: lib(stack=7), "glibc:2.42", LINKED, "makes every thread's stack executable"),
        (lambda: lib(extra_segments=[(e.PT_LOAD, 7, 0xA000, 0x40000, 0, 0x1000, 0x1000)]), "musl", LINKED,
         "a segment is writable and executable"),
        (lambda: lib(extra_dynamic=[(0x60000011, 0)]), "glibc:2.36", DLOPEN, "DT_ANDROID_RELA is passed over in silence"),
    ],
)  # fmt: skip
def test_hazards(tmp_path: Path, make: Callable[[], ElfWriter], name: str, loading: str, words: str) -> None:
    outcome = outcomes(put(tmp_path, make()), name)[name, loading]
    assert outcome.status == "loads but"
    found = [reason for reason in outcome.reasons if reason.words.startswith(words)]
    assert [reason.kind for reason in found] == ["hazard"]
    assert found[0].fix
    assert found[0].place


def test_hazards_are_gone_where_the_linker_knows_better(tmp_path: Path) -> None:
    path = put(tmp_path, relr())
    found = outcomes(path, "glibc:2.36", "musl:1.2.4", "bionic:30")
    assert {outcome.status for outcome in found.values()} == {"loads"}


def test_on_64_bit_arm_old_bionic_passes_over_tls_relocations(tmp_path: Path) -> None:
    writer = lib("arm64", needed=("libc.so",))
    writer.thread_local(b"", 8)
    writer.reloc(1030, writer.words(0), None, 0)
    outcome = outcomes(put(tmp_path, writer), "bionic:28")["bionic:28", DLOPEN]
    assert outcome.status == "loads but"
    assert "thread-local variables lie on top of" in outcome.reasons[0].words


def test_a_constructor_that_hangs_is_seen_by_running() -> None:
    source = Path(__file__).parent.parent / "libc" / "programs" / "waiting_constructor.c"
    path = c_library(source, "amd64-gnu", flags=["-w", "-DFIRST=first_dlsym"], link=["-pthread"])
    found = outcomes(path, "glibc:2.36", "musl:1.2.3", "windows-like")
    hang = found["glibc:2.36", DLOPEN]
    assert (hang.status, hang.reasons[-1].code, hang.reasons[-1].seen) == ("loads but", "deadlock", "run")
    assert found["glibc:2.36", LINKED].status == "loads"
    assert found["musl:1.2.3", DLOPEN].status == "loads"
    assert found["windows-like", LINKED].reasons[-1].code == "deadlock"


# -- the command -----------------------------------------------------------------------------------------------------------


def test_the_command_shows_a_matrix_with_numbered_reasons(
    seed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(seed.parent)
    ended = command(capsys, "compat", "./cc.so")
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    rows = {line.split("  ")[1]: line for line in lines[2 : lines.index("")]}
    assert next(iter(rows)) == "glibc:2.17 … 2.42"
    assert "refused [1]; rebuilt: loads [2]" in rows["glibc:2.17 … 2.42"]
    assert any("Error relocating ./cc.so: : initial-exec TLS resolves to dynamic definition in ./cc.so" in x for x in lines)
    assert any(line.strip().startswith("at  DT_RELA entry 0 at ") for line in lines)


def test_the_command_as_json_and_its_exit_status(seed: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = command(capsys, "compat", seed, "--profile", "glibc:2.36,musl", "--json")
    document = json.loads(ended.out)
    assert ended.status == 1
    assert document["library"] == str(seed)
    assert [(v["profile"], v["loading"], v["status"]) for v in document["verdicts"]] == [
        ("glibc:2.36", "dlopen", "refused"), ("glibc:2.36", "linked", "refused"),
        ("musl", "dlopen", "refused"), ("musl", "linked", "loads"),
    ]  # fmt: skip
    assert document["verdicts"][0]["rebuilt"]["status"] == "loads"
    fine = put(seed.parent, lib(), "fine.so")
    assert command(capsys, "compat", fine, "--profile", "glibc:2.36,musl").status == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--profile", "glibc,plan9"), "unknown profile 'plan9'"),
        (("--profile", "glibc,"), "unknown profile ''"),
        (("--profile", "all", "--rules", "elf"), "--rules"),
        (("--profile", "all", "--call", "add(1, 2)"), "--call"),
    ],
)
def test_wrong_use_is_one_line(
    seed: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    ended = command(capsys, "compat", seed, *arguments)
    assert ended.status == 2
    assert words in ended.err
    assert ended.err.count("\n") == 1


def test_what_is_no_library_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("no library at all, but some text")
    for name in ("text", "absent"):
        ended = command(capsys, "compat", tmp_path / name)
        assert ended.status == 2
        assert ended.err.count("\n") == 1
