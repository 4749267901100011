"""clone, exit and thread pointers."""

from __future__ import annotations

import copy

import pytest

from emuload.kernel import errno
from emuload.kernel.dispatch import BLOCKED, SWITCH
from emuload.kernel.entry import Entry
from emuload.kernel.task import Task
from tests.kernel.machine import ARCHITECTURES, CODE, Machine

THREAD = 0x100 | 0x200 | 0x400 | 0x800 | 0x10000
SETTLS, PARENT_SETTID, CHILD_CLEARTID, CHILD_SETTID = 0x80000, 0x100000, 0x200000, 0x1000000


@pytest.fixture(params=ARCHITECTURES)
def m(request: pytest.FixtureRequest) -> Machine:
    return Machine(request.param)


def clone(m: Machine, flags: int, stack: int, parent: int, child: int, tls: int) -> Task:
    order = (child, tls) if m.architecture == "amd64" else (tls, child)
    m.cpu.enter(CODE)
    assert m.call("clone", flags, stack, parent, *order) is SWITCH
    assert m.prepare()
    return list(m.kernel.tasks.values())[-1]


def test_clone_makes_a_thread(m: Machine) -> None:
    parent, child = m.data, m.data + 8
    flags = THREAD | SETTLS | PARENT_SETTID | CHILD_SETTID | CHILD_CLEARTID
    m.set_mask(0x200)
    task = clone(m, flags, m.stack - 0x1000, parent, child, 0x12340)
    result = m.cpu.register(m.cpu.registers_shown[0])
    assert task.tid == result == m.kernel.pid + 1
    assert m.read(parent) == m.read(child) == task.tid
    assert task.sigmask == 0x200
    assert task.clear_child_tid == child
    m.cpu.restore(task.context)
    assert m.cpu.register(m.cpu.registers_shown[0]) == 0
    assert (m.cpu.pc, m.cpu.sp, m.cpu.tp) == (CODE, m.stack - 0x1000, 0x12340)
    assert m.last("task-create") == {"child": task.tid, "thread_pointer": 0x12340}


def test_clone3(m: Machine) -> None:
    at = m.words(m.data, THREAD | SETTLS, 0, 0, 0, 0, m.stack - 0x2000, 0x1000, 0x5550, width=8)
    assert m.call("clone3", at, 64) is SWITCH
    assert m.prepare()
    m.cpu.restore(list(m.kernel.tasks.values())[-1].context)
    assert (m.cpu.sp, m.cpu.tp) == (m.stack - 0x1000, 0x5550)
    assert m.call("clone3", at, 8) == -errno.EINVAL


def test_bad_flags(m: Machine) -> None:
    assert m.call("clone", 0x10000, 0) == -errno.EINVAL
    assert m.call("clone", 0x800, 0) == -errno.EINVAL


def test_a_second_process_is_refused_and_named(m: Machine) -> None:
    assert m.call("clone", 17, 0) == -errno.ENOSYS
    assert m.last("unknown-syscall") == {"name": "clone (new process)"}
    assert m.call("execve", 0, 0, 0) == -errno.EACCES
    assert m.call("wait4", -1, 0, 0, 0) == -errno.ECHILD


def test_too_many_threads(m: Machine) -> None:
    m.kernel.max_tasks = 1
    assert m.call("clone", THREAD, 0) == -errno.EAGAIN


def test_the_process_ends_with_its_last_thread(m: Machine) -> None:
    other = m.spawn()
    assert m.call("exit", 3) is SWITCH
    assert m.kernel.exit_status is None
    assert m.call("exit", 5, task=other) is SWITCH
    assert m.kernel.exit_status == 3


def test_exit_group_ends_all(m: Machine) -> None:
    other = m.spawn()
    m.call("futex", m.data, 0, 0, 0, task=other)
    assert m.call("exit_group", 0x107) is SWITCH
    assert m.kernel.exit_status == 7
    assert other.exited
    assert m.entry.next_deadline() is None


def test_ids(m: Machine) -> None:
    other = m.spawn()
    assert m.call("gettid", task=other) == other.tid
    assert m.call("getpid", task=other) == m.main.tid
    assert m.call("set_tid_address", 0, task=other) == other.tid
    assert m.call("sched_getaffinity", 0, 128, m.data) == m.word
    assert m.read(m.data, m.word) == 1


def test_thread_pointers() -> None:
    amd64, arm = Machine("amd64"), Machine("arm")
    assert amd64.call("arch_prctl", 0x1002, 0x1234) == 0
    assert amd64.cpu.tp == 0x1234
    assert amd64.call("arch_prctl", 0x1003, amd64.data) == 0
    assert amd64.read(amd64.data, 8) == 0x1234
    assert amd64.call("arch_prctl", 0x1002, 1 << 63) == -errno.EPERM
    assert arm.call("ARM_set_tls", 0x5678) == 0
    assert arm.cpu.tp == 0x5678
    assert arm.call("ARM_cacheflush", 0x1000, 0x2000, 0) == 0


def test_an_unknown_call_is_reported_once_by_name(m: Machine) -> None:
    m.kernel.events.events.clear()
    for _ in range(3):
        assert m.call("kexec_load", 0, 0, 0, 0) == -errno.ENOSYS
    assert m.kinds() == ["unknown-syscall"]
    assert m.last("unknown-syscall") == {"name": "kexec_load"}
    assert m.entry.syscall(m.cpu, m.main, 0x77777, (0,) * 6) == -errno.ENOSYS
    assert m.last("unknown-syscall") == {"name": f"#{0x77777}"}


def test_a_bad_pointer_is_efault(m: Machine) -> None:
    assert m.call("uname", 8) == -errno.EFAULT
    m.cpu.memory.mprotect(m.data, 0x1000, 1)
    assert m.call("uname", m.data) == -errno.EFAULT


def test_events_of_a_call_that_waits(m: Machine) -> None:
    m.call("getpid")
    other = m.spawn()
    m.events.events.clear()
    assert m.call("futex", m.data, 128, 0, 0) is BLOCKED
    m.call("futex", m.data, 129, 1, task=other)
    assert m.prepare()
    assert m.kinds() == ["futex-wait", "syscall-enter", "futex-wake", "syscall", "syscall-exit"]
    assert m.last("syscall-exit") == {"name": "futex", "result": 0}


def test_a_copy_goes_its_own_way(m: Machine) -> None:
    """A deep copy is a snapshot: later changes of the kernel do not change it."""
    task = m.spawn()
    m.call("futex", m.data, 0, 0, m.timespec(m.data + 64, 10**6), task=task)
    m.sigaction(10, 0x1000)
    k = m.kernel
    kept = {id(part): part for part in (k.memory, k.clock, k.events, m.cpu)}
    snapshot = copy.deepcopy(k, kept)
    m.call("futex", m.data, 1, 1)
    m.send(10)
    copied = snapshot.tasks[task.tid]
    assert copied.wait is not None
    assert snapshot.futexes.waiters == {m.data: [task.tid]}
    assert not snapshot.signals.pending
    Entry(snapshot).timeouts(m.clock.now() + 10**6)
    assert copied.result == -errno.ETIMEDOUT
    assert snapshot.table is k.table
