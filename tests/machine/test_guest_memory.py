"""The address space: mmap's rules, and access as debugger and as kernel."""

from __future__ import annotations

import pytest

from emuload.machine import create_cpu
from emuload.machine.memory import AddressSpace, MemoryFault, OutOfMemory

READ, READ_WRITE = 1, 3


@pytest.fixture
def memory() -> AddressSpace:
    return create_cpu("arm64").memory


def test_memory_is_zero_and_keeps_what_is_written(memory: AddressSpace) -> None:
    at = memory.mmap(0, 0x3000, READ_WRITE, fixed=False)
    assert memory.read(at, 0x3000) == bytes(0x3000)
    memory.write(at + 0xFFE, b"abcd")
    assert memory.read(at + 0xFFE, 4) == b"abcd"


def test_mappings_are_placed_top_down_without_overlap(memory: AddressSpace) -> None:
    first = memory.mmap(0, 0x2000, READ, fixed=False)
    second = memory.mmap(0, 0x1000, READ, fixed=False)
    assert second + 0x1000 == first


def test_a_hint_is_taken_when_free_and_passed_over_when_not(memory: AddressSpace) -> None:
    assert memory.mmap(0x4000000000, 0x1000, READ, fixed=False) == 0x4000000000
    assert memory.mmap(0x4000000000, 0x1000, READ, fixed=False) != 0x4000000000


def test_unmapping_the_middle_leaves_both_ends(memory: AddressSpace) -> None:
    at = memory.mmap(0, 0x3000, READ_WRITE, fixed=False)
    memory.write(at, b"left")
    memory.write(at + 0x2000, b"right")
    memory.munmap(at + 0x1000, 0x1000)
    assert memory.read(at, 4) == b"left"
    assert memory.read(at + 0x2000, 5) == b"right"
    with pytest.raises(MemoryFault):
        memory.read(at + 0x1000, 1)


def test_a_reservation_costs_no_memory_and_becomes_accessible(memory: AddressSpace) -> None:
    before = memory.accessible
    at = memory.mmap(0, 1 << 40, 0, fixed=False)
    assert memory.accessible == before
    memory.mprotect(at + 0x10000, 0x2000, READ_WRITE)
    memory.write(at + 0x10000, b"x")
    with pytest.raises(MemoryFault):
        memory.read(at, 1)


def test_kernel_access_honours_protection_and_a_debugger_does_not(memory: AddressSpace) -> None:
    at = memory.mmap(0, 0x1000, READ, fixed=False)
    with pytest.raises(MemoryFault):
        memory.user_write(at, b"x")
    memory.write(at, b"x")
    assert memory.user_read(at, 1) == b"x"
    memory.mprotect(at, 0x1000, 0)
    with pytest.raises(MemoryFault):
        memory.user_read(at, 1)
    assert memory.read(at, 1) == b"x"


def test_a_write_that_faults_writes_nothing(memory: AddressSpace) -> None:
    at = memory.mmap(0, 0x1000, READ_WRITE, fixed=False)
    with pytest.raises(MemoryFault):
        memory.user_write(at + 0xFFE, b"abcd")
    assert memory.read(at + 0xFFE, 2) == b"\0\0"


def test_contents_survive_losing_and_regaining_access(memory: AddressSpace) -> None:
    at = memory.mmap(0, 0x2000, READ_WRITE, fixed=False)
    memory.write(at + 0x1000, b"kept")
    memory.mprotect(at + 0x1000, 0x1000, 0)
    memory.mprotect(at + 0x1000, 0x1000, READ_WRITE)
    assert memory.read(at + 0x1000, 4) == b"kept"


def test_discarding_zeroes(memory: AddressSpace) -> None:
    at = memory.mmap(0, 0x2000, READ_WRITE, fixed=False)
    memory.write(at, b"a" * 0x2000)
    memory.discard(at, 0x1000)
    assert memory.read(at, 0x2000) == bytes(0x1000) + b"a" * 0x1000


def test_mremap_moves_contents(memory: AddressSpace) -> None:
    at = memory.mmap(0, 0x1000, READ_WRITE, fixed=False)
    memory.mmap(0, 0x1000, READ, fixed=False)
    memory.write(at, b"hello")
    moved = memory.mremap(at, 0x1000, 0x4000, may_move=True)
    assert memory.read(moved, 5) == b"hello"
    assert memory.read(moved + 0x3000, 1) == b"\0"


def test_the_bound_on_memory_is_an_error_of_its_own(memory: AddressSpace) -> None:
    memory.limit = memory.accessible + 0x2000
    memory.mmap(0, 0x2000, READ, fixed=False)
    with pytest.raises(OutOfMemory):
        memory.mmap(0, 0x1000, READ, fixed=False)


def test_strings_end_at_a_nul_or_fault(memory: AddressSpace) -> None:
    at = memory.mmap(0, 0x1000, READ_WRITE, fixed=False)
    memory.write(at, b"word\0rest")
    assert memory.read_cstring(at) == b"word"
    memory.write(at + 0xFFC, b"endl")
    with pytest.raises(MemoryFault):
        memory.read_cstring(at + 0xFFC)
