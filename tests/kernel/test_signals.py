"""Signals: the thread that gets them, default actions, and interrupted calls (signal(7))."""

from __future__ import annotations

import pytest

from emuload.kernel import errno
from emuload.kernel.dispatch import BLOCKED, SWITCH
from emuload.kernel.siginfo import encode, signal_name
from emuload.kernel.task import SigInfo, Wait
from emuload.machine.stops import Fault
from tests.kernel.machine import ARCHITECTURES, Machine

SIGINT, SIGILL, SIGABRT, SIGBUS, SIGFPE, SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2 = 2, 4, 6, 7, 8, 9, 10, 11, 12
SIGPIPE, SIGCHLD, SIGSTOP, SIGURG, RT = 13, 17, 19, 23, 40
SA_SIGINFO, SA_RESTORER, SA_ONSTACK, SA_RESTART, SA_NODEFER, SA_RESETHAND = (
    4, 0x04000000, 0x08000000, 0x10000000, 0x40000000, 0x80000000,
)  # fmt: skip
HANDLER, RESTORER = 0x40_0100, 0x40_0200


@pytest.fixture(params=ARCHITECTURES)
def m(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param)


def bit(signo: int) -> int:
    return 1 << signo - 1


def handle(m: Machine, signo: int, flags: int = SA_SIGINFO, mask: int = 0) -> None:
    m.sigaction(signo, HANDLER, flags | SA_RESTORER, mask, RESTORER)


def test_a_fatal_signal_ends_the_process(m: Machine) -> None:
    other = m.spawn()
    assert m.call("kill", m.kernel.pid, SIGABRT) is SWITCH
    assert not m.prepare()
    assert m.kernel.exit_signal == SIGABRT
    assert m.kernel.death is not None
    assert m.kernel.death.core
    assert m.main.exited
    assert other.exited
    assert m.last("process-killed") == {"signal": "SIGABRT", "code": 0, "core": True}


@pytest.mark.parametrize("signo", [SIGCHLD, SIGURG, SIGSTOP])
def test_signals_ignored_or_stopping_by_default_do_nothing(m: Machine, signo: int) -> None:
    assert m.call("kill", m.kernel.pid, signo) == 0
    assert not m.main.attention


def test_a_handler_is_entered_with_its_mask(m: Machine) -> None:
    handle(m, SIGUSR1, mask=bit(SIGUSR2))
    m.set_mask(bit(SIGINT))
    m.call("tgkill", m.kernel.pid, m.main.tid, SIGUSR1)
    assert m.prepare()
    assert m.cpu.pc == HANDLER
    assert m.main.sigmask == bit(SIGINT) | bit(SIGUSR1) | bit(SIGUSR2)
    assert m.last("signal-delivered")["signal"] == "SIGUSR1"


def test_nodefer_and_resethand(m: Machine) -> None:
    handle(m, SIGUSR1, SA_NODEFER | SA_RESETHAND)
    m.send(SIGUSR1)
    assert m.prepare()
    assert m.main.sigmask == 0
    m.send(SIGUSR1)
    assert not m.prepare()
    assert m.kernel.exit_signal == SIGUSR1


def test_a_blocked_signal_waits(m: Machine) -> None:
    handle(m, SIGUSR1)
    m.set_mask(bit(SIGUSR1))
    assert m.call("kill", m.kernel.pid, SIGUSR1) == 0
    assert m.call("rt_sigpending", m.data, 8) == 0
    assert m.read(m.data, 8) == bit(SIGUSR1)
    at = m.words(m.data, bit(SIGUSR1), width=8)
    assert m.call("rt_sigprocmask", 1, at, 0, 8) is SWITCH
    assert m.prepare()
    assert m.cpu.pc == HANDLER


def test_standard_signals_merge_and_real_time_signals_queue(m: Machine) -> None:
    m.set_mask(bit(SIGUSR1) | bit(RT))
    for signo in (SIGUSR1, RT):
        for _ in range(3):
            m.call("kill", m.kernel.pid, signo)
    assert [info.signo for info in m.kernel.signals.pending] == [SIGUSR1, RT, RT, RT]


def test_a_process_signal_goes_to_a_thread_that_takes_it(m: Machine) -> None:
    handle(m, SIGUSR1)
    other = m.spawn()
    m.set_mask(bit(SIGUSR1))
    assert m.call("kill", m.kernel.pid, SIGUSR1) == 0
    assert other.attention
    assert not m.main.attention


def test_a_thread_the_host_keeps_is_the_last_to_take_a_process_signal(m: Machine) -> None:
    handle(m, SIGUSR1)
    other = m.spawn()
    m.main.wait = Wait("host", interruptible=False)
    m.send(SIGUSR1)
    assert other.attention
    assert not m.main.attention


def test_blocking_passes_a_pending_process_signal_on(m: Machine) -> None:
    handle(m, SIGUSR1)
    other = m.spawn()
    m.send(SIGUSR1)
    assert m.main.attention
    m.set_mask(bit(SIGUSR1))
    assert other.attention
    assert not m.main.attention


def test_ignoring_discards_what_is_pending(m: Machine) -> None:
    m.set_mask(bit(SIGUSR1))
    m.send(SIGUSR1)
    m.sigaction(SIGUSR1, 1)
    assert not m.kernel.signals.pending


def test_a_fault_is_forced_through_a_blocked_mask(m: Machine) -> None:
    handle(m, SIGSEGV)
    m.set_mask(bit(SIGSEGV))
    m.entry.fault(m.cpu, m.main, Fault(SIGSEGV, 1, 0x123))
    assert not m.prepare()
    assert m.kernel.exit_signal == SIGSEGV


def test_a_fault_is_delivered_before_other_signals(m: Machine) -> None:
    handle(m, SIGSEGV)
    handle(m, SIGINT)
    m.call("tgkill", m.kernel.pid, m.main.tid, SIGINT)
    m.entry.fault(m.cpu, m.main, Fault(SIGSEGV, 1, 0x123))
    assert m.prepare()
    delivered = [e.fields["signal"] for e in m.events.events if e.kind == "signal-delivered"]
    assert delivered == ["SIGSEGV", "SIGINT"]


def test_a_frame_that_does_not_fit_ends_in_sigsegv(m: Machine) -> None:
    handle(m, SIGUSR1)
    m.cpu.sp = 0x2000
    m.send(SIGUSR1)
    assert not m.prepare()
    assert m.kernel.exit_signal == SIGSEGV


def test_a_segfault_on_a_bad_stack_is_survived_with_an_alternate_stack(m: Machine) -> None:
    handle(m, SIGSEGV, SA_SIGINFO | SA_ONSTACK)
    at = m.words(m.data, m.data + 0x4000, 0, 0x4000)
    assert m.call("sigaltstack", at, 0) == 0
    m.cpu.sp = 0x2000
    m.entry.fault(m.cpu, m.main, Fault(SIGSEGV, 1, 0x123))
    assert m.prepare()
    assert m.data + 0x4000 < m.cpu.sp < m.data + 0x8000
    assert m.call("sigaltstack", 0, m.data) == 0
    assert m.read(m.data + m.word) == 1  # SS_ONSTACK
    assert m.call("sigaltstack", at, 0) == -errno.EPERM


def test_sigaltstack_checks(m: Machine) -> None:
    at = m.words(m.data, m.data + 0x4000, 0, 100)
    assert m.call("sigaltstack", at, 0) == -errno.ENOMEM
    m.words(m.data, m.data + 0x4000, 8, 0x4000)
    assert m.call("sigaltstack", at, 0) == -errno.EINVAL
    assert m.call("sigaltstack", 0, at) == 0
    assert m.read(m.data + m.word) == 2  # SS_DISABLE


@pytest.mark.parametrize("restart", [False, True])
def test_a_read_is_restarted_as_the_handler_asks(m: Machine, restart: bool) -> None:
    handle(m, SIGUSR1, SA_SIGINFO | (SA_RESTART if restart else 0))
    m.cpu.enter(0x40_0010)
    m.cpu.set_register(m.cpu.registers_shown[0], m.data)
    assert m.call("futex", m.data, 0, 0, 0) is BLOCKED
    m.send(SIGUSR1)
    assert m.prepare()
    assert m.last("syscall-exit")["result"] == ("restart" if restart else -errno.EINTR)
    assert m.call("rt_sigreturn") is SWITCH
    m.cpu.sp += m.word if m.architecture == "amd64" else 0  # popped by the handler's return
    assert m.prepare()
    size = m.cpu.abi.syscall_instruction_size
    assert m.cpu.pc == (0x40_0010 - size if restart else 0x40_0010)


def test_sleeping_is_never_restarted(m: Machine) -> None:
    handle(m, SIGUSR1, SA_SIGINFO | SA_RESTART)
    m.call("nanosleep", m.timespec(m.data, 10**9), 0)
    m.send(SIGUSR1)
    m.prepare()
    assert m.last("syscall-exit")["result"] == -errno.EINTR


def test_an_interruption_without_a_handler_goes_unnoticed(m: Machine) -> None:
    handle(m, SIGUSR1)
    m.call("nanosleep", m.timespec(m.data, 10**9), 0)
    deadline = m.entry.next_deadline()
    m.send(SIGUSR1)
    other = m.spawn()
    at = m.words(m.data + 0x100, 1, 0, 0, 0, 0)
    m.call("rt_sigaction", SIGUSR1, at, 0, 8, task=other)
    assert not m.prepare()
    assert m.main.wait is not None
    assert m.entry.next_deadline() == deadline


def test_sigsuspend_waits_with_another_mask_and_brings_the_old_one_back(m: Machine) -> None:
    handle(m, SIGUSR1)
    m.set_mask(bit(SIGUSR1))
    at = m.words(m.data, 0, width=8)
    assert m.call("rt_sigsuspend", at, 8) is BLOCKED
    assert m.main.sigmask == 0
    m.send(SIGUSR1)
    assert m.prepare()
    assert m.last("syscall-exit")["result"] == -errno.EINTR
    m.cpu.sp += m.word if m.architecture == "amd64" else 0
    m.call("rt_sigreturn")
    m.prepare()
    assert m.main.sigmask == bit(SIGUSR1)


def test_sigsuspend_with_a_signal_pending_returns_at_once(m: Machine) -> None:
    handle(m, SIGUSR1)
    m.set_mask(bit(SIGUSR1))
    m.send(SIGUSR1)
    assert m.call("rt_sigsuspend", m.words(m.data, 0, width=8), 8) is SWITCH
    assert m.prepare()
    assert m.cpu.pc == HANDLER


def test_sigtimedwait_takes_a_blocked_signal(m: Machine) -> None:
    m.set_mask(bit(SIGUSR1))
    wanted = m.words(m.data, bit(SIGUSR1), width=8)
    assert m.call("rt_sigtimedwait", wanted, m.data + 64, 0, 8) is BLOCKED
    other = m.spawn()
    assert m.call("tgkill", m.kernel.pid, m.main.tid, SIGUSR1, task=other) == 0
    assert m.prepare()
    assert m.last("syscall-exit") == {"name": "rt_sigtimedwait", "result": SIGUSR1}
    assert m.read(m.data + 64) == SIGUSR1


def test_sigtimedwait_times_out(m: Machine) -> None:
    wanted = m.words(m.data, bit(SIGUSR1), width=8)
    at = m.timespec(m.data + 64, 1_000_000)
    assert m.call("rt_sigtimedwait", wanted, 0, at, 8) is BLOCKED
    m.pass_time(1_000_000)
    assert m.prepare()
    assert m.last("syscall-exit")["result"] == -errno.EAGAIN


def test_queued_information_arrives_as_sent(m: Machine) -> None:
    m.set_mask(bit(RT))
    raw = bytes(range(128))
    info = m.data + 0x100
    m.cpu.memory.write(info, raw)
    m.words(info + 8, -1, width=4)
    assert m.call("rt_sigqueueinfo", m.kernel.pid, RT, info) == 0
    wanted = m.words(m.data, bit(RT), width=8)
    assert m.call("rt_sigtimedwait", wanted, m.data + 0x200, 0, 8) == RT
    received = m.cpu.memory.read(m.data + 0x200, 128)
    assert received[4:8] + received[12:] == raw[4:8] + raw[12:]
    assert int.from_bytes(received[:4], "little") == RT


def test_sending_checks(m: Machine) -> None:
    pid = m.kernel.pid
    assert m.call("kill", pid, 65) == -errno.EINVAL
    assert m.call("kill", pid, 0) == 0
    assert m.call("kill", 1, SIGINT) == -errno.EPERM
    assert m.call("kill", 77, SIGINT) == -errno.ESRCH
    assert m.call("tgkill", pid, 77, SIGINT) == -errno.ESRCH
    assert m.call("tgkill", 0, pid, SIGINT) == -errno.EINVAL
    assert m.call("tgkill", 77, pid, SIGINT) == -errno.ESRCH
    assert m.call("rt_sigaction", SIGKILL, m.data, 0, 8) == -errno.EINVAL
    assert m.call("rt_sigaction", 65, 0, 0, 8) == -errno.EINVAL
    assert m.call("rt_sigaction", SIGINT, 0, 0, 4) == -errno.EINVAL


def test_sigaction_reads_back(m: Machine) -> None:
    m.sigaction(SIGUSR1, 0x1234, SA_SIGINFO | SA_RESTORER, 0x8000_0000_0000_0001, 0x5678)
    assert m.call("rt_sigaction", SIGUSR1, 0, m.data, 8) == 0
    word = m.word
    fields = [m.read(m.data + i * word, word) for i in range(3)]
    assert fields == [0x1234, SA_SIGINFO | SA_RESTORER, 0x5678]
    assert m.read(m.data + 3 * word, 8) == 0x8000_0000_0000_0001


def test_kill_cannot_be_blocked(m: Machine) -> None:
    m.set_mask((1 << 64) - 1)
    m.send(SIGKILL)
    assert not m.prepare()
    assert m.kernel.exit_signal == SIGKILL


# Offsets of siginfo_t's members: offsetof in a C program built by `zig cc -target <arch>-linux-musl…`, under qemu-user.
@pytest.mark.parametrize(("word", "first", "second", "third"), [(4, 12, 16, 20), (8, 16, 20, 24)])
def test_siginfo_layout(word: int, first: int, second: int, third: int) -> None:
    def at(data: bytes, offset: int, size: int = 4) -> int:
        return int.from_bytes(data[offset : offset + size], "little", signed=True)

    user = encode(SigInfo(SIGUSR1, -1, pid=5, uid=6, value=7), word)
    assert len(user) == 128
    assert [at(user, i) for i in (0, 4, 8, first, second, third)] == [SIGUSR1, 0, -1, 5, 6, 7]
    timer = encode(SigInfo(SIGUSR1, -2, timer=3, overrun=4, value=9), word)
    assert [at(timer, i) for i in (8, first, second, third)] == [-2, 3, 4, 9]
    fault = encode(SigInfo(SIGSEGV, 1, address=0x1234), word)
    assert at(fault, first, word) == 0x1234
    general_protection = encode(SigInfo(SIGSEGV, 0x80, address=0x1234), word)
    assert at(general_protection, first, word) == 0


def test_names() -> None:
    assert [signal_name(n) for n in (1, 11, 31, 32, 64)] == ["SIGHUP", "SIGSEGV", "SIGSYS", "SIGRT0", "SIGRT32"]
