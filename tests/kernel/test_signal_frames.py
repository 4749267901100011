"""Signal frames: their layout against the C headers' offsets; sigreturn restores every register.

The offsets are what `printf("%zu", offsetof(ucontext_t, …))` prints in a program built by
`zig cc -target x86_64-linux-musl` (`arm-linux-musleabihf`, `aarch64-linux-musl`) and run by qemu-user.
"""

from __future__ import annotations

import random
import struct

import pytest

from emuload.kernel.dispatch import SWITCH
from emuload.machine.signal_frames import layout
from emuload.machine.stops import Fault
from tests.kernel.machine import ARCHITECTURES, CODE, Machine

SIGILL, SIGFPE, SIGUSR1, SIGSEGV = 4, 8, 10, 11
SA_SIGINFO, SA_RESTORER, SA_ONSTACK = 4, 0x04000000, 0x08000000
HANDLER, RESTORER = CODE + 0x100, CODE + 0x200
MASK = 0x1122334400000001
TRAMPOLINE_PAGE = 0x70_0000

# handler: return at once. restorer (amd64): mov eax, 15; syscall
RETURN = {"amd64": "c3", "arm": "1eff2fe1", "arm64": "c0035fd6"}
AMD64_RESTORER = bytes.fromhex("b80f0000000f05")


def scramble(m: Machine) -> dict[str, int]:
    """Give every register a value of its own."""
    source = random.Random(1)
    cpu = m.cpu
    special = {"amd64": {"rsp", "rip", "eflags"}, "arm": {"sp", "pc", "cpsr"}, "arm64": {"sp", "pc", "pstate"}}
    for name in cpu.registers_shown:
        if name not in special[m.architecture]:
            cpu.set_register(name, source.getrandbits(8 * m.word))
    fp = cpu.fp_state()
    if m.architecture == "amd64":
        xmm = source.randbytes(256)
        cpu.set_fp_state(fp[:160] + xmm + fp[416:])
        cpu.set_register("eflags", 0x202 | 0x8D5)
    elif m.architecture == "arm":
        cpu.set_fp_state(source.randbytes(256) + struct.pack("<I", 0x02C00000))
        cpu.set_register("cpsr", 0xA0000010)
    else:
        cpu.set_fp_state(source.randbytes(512) + struct.pack("<II", 0x10, 0x00400000))
        cpu.set_register("pstate", 0x60000000)
    cpu.sp = m.stack - 0x200
    cpu.enter(CODE)
    return cpu.registers()


def deliver(m: Machine, signo: int = SIGUSR1, flags: int = SA_SIGINFO | SA_RESTORER, handler: int = HANDLER) -> int:
    """Deliver a signal. The address of the ucontext."""
    m.sigaction(signo, handler, flags, 0, RESTORER)
    m.set_mask(MASK)
    m.send(signo)
    assert m.prepare()
    sp = m.cpu.sp
    plain = not flags & SA_SIGINFO
    return sp + {"amd64": 8, "arm": 0 if plain else 128, "arm64": 128}[m.architecture]


def give_back(m: Machine, call: str = "rt_sigreturn") -> None:
    """Do what the handler's return and the restorer do."""
    if m.architecture == "amd64":
        m.cpu.sp += 8
    assert m.call(call) is SWITCH
    assert m.prepare()


def test_amd64_frame() -> None:
    m = Machine("amd64")
    before = scramble(m)
    uc = deliver(m)
    cpu = m.cpu
    assert (cpu.sp + 8) % 16 == 0
    assert m.read(cpu.sp, 8) == RESTORER
    assert cpu.register("rdi") == SIGUSR1
    assert cpu.register("rdx") == uc
    info = cpu.register("rsi")
    assert info == uc + 304
    assert [m.read(info + i) for i in (0, 8)] == [SIGUSR1, 0x80]
    for name, offset in {
        "r8": 40, "r15": 96, "rdi": 104, "rsi": 112, "rbp": 120, "rbx": 128, "rdx": 136, "rax": 144, "rcx": 152,
        "rsp": 160, "rip": 168, "eflags": 176,
    }.items():  # fmt: skip
        assert m.read(uc + offset, 8) == before[name], name
    assert m.read(uc + 184, 2) == 0x33
    assert m.read(uc + 296, 8) == MASK
    assert m.read(uc) == 6
    fpstate = m.read(uc + 224, 8)
    assert fpstate % 64 == 0
    assert info + 128 <= fpstate
    assert fpstate + 512 <= before["rsp"] - 128
    assert m.read(fpstate) & 0xFFFF == 0x37F
    assert cpu.register("eflags") & 0x400 == 0


def test_arm_frame() -> None:
    m = Machine("arm")
    before = scramble(m)
    uc = deliver(m)
    cpu = m.cpu
    assert cpu.sp % 8 == 0
    assert [cpu.register(f"r{i}") for i in range(3)] == [SIGUSR1, uc - 128, uc]
    assert cpu.register("lr") == RESTORER
    assert m.read(uc) == 0
    for name, offset in {"r0": 32, "r10": 72, "r12": 80, "sp": 84, "lr": 88, "pc": 92, "cpsr": 96}.items():
        assert m.read(uc + offset) == before[name] & 0xFFFFFFFF, name
    assert m.read(uc + 104, 8) == MASK
    assert [m.read(uc + 232 + i) for i in (0, 4)] == [0x56465001, 288]
    assert m.read(uc + 232 + 8 + 256) == 0x02C00000
    assert m.read(uc + 232 + 288) == 0


def test_arm_plain_frame() -> None:
    m = Machine("arm")
    before = scramble(m)
    uc = deliver(m, flags=SA_RESTORER)
    assert m.read(uc) == 0x5AC3C35A
    assert m.cpu.register("r0") == SIGUSR1
    give_back(m, "sigreturn")
    assert m.cpu.registers() == before


def test_arm_thumb_handler_and_interrupted_thumb_code() -> None:
    m = Machine("arm")
    scramble(m)
    m.cpu.enter(CODE + 1)
    m.cpu.set_register("cpsr", 0xA0000030)
    before = m.cpu.registers()
    deliver(m, handler=HANDLER)
    assert m.cpu.register("cpsr") & 0x20 == 0
    give_back(m)
    assert m.cpu.registers() == before
    m.kernel.signals.actions.clear()
    deliver(m, handler=HANDLER + 1)
    assert m.cpu.register("cpsr") & 0x20
    assert m.cpu.pc == HANDLER
    give_back(m)
    assert m.cpu.registers() == before


@pytest.mark.parametrize(("flags", "thumb", "index"), [(0, 0, 0), (0, 1, 2), (SA_SIGINFO, 0, 3), (SA_SIGINFO, 1, 5)])
def test_arm_without_restorer_uses_the_sigreturn_page(flags: int, thumb: int, index: int) -> None:
    m = Machine("arm")
    scramble(m)
    deliver(m, flags=flags, handler=HANDLER + thumb)
    assert m.cpu.register("lr") == m.cpu.abi.sigreturn_trampoline + 4 * index + thumb


def test_arm64_frame() -> None:
    m = Machine("arm64")
    before = scramble(m)
    uc = deliver(m)
    cpu = m.cpu
    assert cpu.sp % 16 == 0
    assert [cpu.register(f"x{i}") for i in range(3)] == [SIGUSR1, uc - 128, uc]
    assert cpu.register("x30") == RESTORER
    record = cpu.register("x29")
    assert record == uc + 4560
    assert (m.read(record, 8), m.read(record + 8, 8)) == (before["x29"], before["x30"])
    for name, offset in {"x0": 184, "x30": 424, "sp": 432, "pc": 440, "pstate": 448}.items():
        assert m.read(uc + offset, 8) == before[name], name
    assert m.read(uc + 40, 8) == MASK
    assert [m.read(uc + 464 + i) for i in (0, 4, 8, 12)] == [0x46508001, 528, 0x10, 0x00400000]
    assert m.read(uc + 464 + 528, 8) == 0


def test_arm64_reports_the_syndrome_of_a_fault() -> None:
    m = Machine("arm64")
    scramble(m)
    m.sigaction(SIGSEGV, HANDLER, SA_SIGINFO, 0, 0)
    m.entry.fault(m.cpu, m.main, Fault(SIGSEGV, 1, 0x1234, 0, 0x92000046))
    assert m.prepare()
    uc = m.cpu.sp + 128
    assert m.read(uc + 176, 8) == 0x1234
    assert [m.read(uc + 464 + 528 + i) for i in (0, 4, 8)] == [0x45535201, 16, 0x92000046]
    assert m.cpu.register("x30") == m.cpu.abi.sigreturn_trampoline
    give_back(m)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_sigreturn_restores_every_register_and_the_mask(architecture: str) -> None:
    m = Machine(architecture)
    before = scramble(m)
    fp = m.cpu.fp_state()
    deliver(m)
    for name in m.cpu.registers_shown[:8]:
        if name != "rsp":
            m.cpu.set_register(name, 0x55)
    m.cpu.set_fp_state(bytes(len(fp)) if architecture != "amd64" else fp[:160] + bytes(352))
    give_back(m)
    assert m.cpu.registers() == before
    assert m.cpu.fp_state() == fp
    assert m.main.sigmask == MASK


@pytest.mark.parametrize(
    ("architecture", "pc", "sp", "argument"), [("amd64", 168, 160, 104), ("arm", 92, 84, 32), ("arm64", 440, 432, 184)]
)
def test_a_handler_can_change_where_the_thread_goes_on(architecture: str, pc: int, sp: int, argument: int) -> None:
    m = Machine(architecture)
    scramble(m)
    uc = deliver(m)
    m.words(uc + pc, CODE + 0x40)
    m.words(uc + sp, m.stack - 0x800)
    m.words(uc + argument, 0x77)
    give_back(m)
    first = {"amd64": "rdi", "arm": "r0", "arm64": "x0"}[architecture]
    assert (m.cpu.pc, m.cpu.sp, m.cpu.register(first)) == (CODE + 0x40, m.stack - 0x800, 0x77)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_broken_frame_ends_in_sigsegv(architecture: str) -> None:
    m = Machine(architecture)
    scramble(m)
    uc = deliver(m)
    offset = {"amd64": 224, "arm": 232, "arm64": 464}[architecture]
    m.words(uc + offset, 0x77, width=4)
    if architecture == "amd64":
        m.cpu.sp += 8
    m.call("rt_sigreturn")
    assert not m.prepare()
    assert m.kernel.exit_signal == SIGSEGV


def test_amd64_without_restorer_ends_in_sigsegv() -> None:
    m = Machine("amd64")
    m.sigaction(SIGUSR1, HANDLER, SA_SIGINFO)
    m.send(SIGUSR1)
    assert not m.prepare()
    assert m.kernel.exit_signal == SIGSEGV


# nop (or add x9/r9) four times, then an undefined instruction, then an endless loop at END
PROGRAM = {
    "amd64": ("909090900f0bebfe", 6),
    "arm": ("00f020e300f020e3f000f0e7feffffea", 12),
    "arm64": ("1f2003d51f2003d50000000000000014", 12),
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_running_program_is_interrupted_and_skips_its_fault(architecture: str) -> None:
    """The handler for SIGILL is entered by the real CPU, and its sigreturn code runs there too."""
    m = Machine(architecture)
    cpu = m.cpu
    scramble(m)
    text, end = PROGRAM[architecture]
    m.load(bytes.fromhex(text))
    m.load(bytes.fromhex(RETURN[architecture]), HANDLER)
    if architecture == "amd64":
        m.load(AMD64_RESTORER, RESTORER)
        code = RESTORER
    else:
        code = m.load(layout(architecture).TRAMPOLINE[12 if architecture == "arm" else 0 :], RESTORER)
    m.sigaction(SIGILL, HANDLER, SA_SIGINFO | SA_RESTORER, 0, code)
    cpu.enter(CODE)
    m.run(HANDLER)
    fault = CODE + {"amd64": 4, "arm": 8, "arm64": 8}[architecture]
    uc = cpu.sp + {"amd64": 8, "arm": 128, "arm64": 128}[architecture]
    pc_at = uc + {"amd64": 168, "arm": 92, "arm64": 440}[architecture]
    assert m.read(pc_at, m.word) == fault
    before = cpu.registers()
    assert m.last("signal-delivered")["address"] == fault
    m.words(pc_at, CODE + end)
    cpu.handler = m._trap
    cpu.run(1 << 14)
    assert m.prepare()
    assert cpu.pc == CODE + end
    assert next(event.pc for event in reversed(m.events.events) if event.kind == "signal-returned") == CODE + end
    assert before != cpu.registers()
