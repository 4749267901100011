"""Calls into real guests: C's qsort and snprintf, Go's exports, callbacks into Python."""

from __future__ import annotations

import ctypes
import struct
from ctypes import c_char, c_double, c_float, c_int8, c_int16, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_void_p
from typing import Any

import pytest

from emuload.calls import convert as calls
from emuload.calls.convert import CallError, GoSlice, GoString
from emuload.errors import Deadlock, GuestFailed
from emuload.process.dlfcn import DEFAULT
from emuload.process.library import Library
from emuload.process.process import Process
from tests.support.command_line import source_file
from tests.support.targets import GNU
from tests.support.toolchain import c_library, go_library

TARGETS = GNU


class Color(ctypes.Structure):
    _fields_ = (("red", c_uint8), ("green", c_uint8), ("blue", c_uint8))


class Vector(ctypes.Structure):
    _fields_ = (("x", c_float), ("y", c_float), ("z", c_float))


class Record(ctypes.Structure):
    _fields_ = (
        ("kind", c_char), ("number", c_int64), ("name", ctypes.c_char_p), ("color", Color),
        ("tail", c_uint16 * 3),
    )  # fmt: skip


class Number(ctypes.Union):
    _fields_ = (("whole", c_int32), ("real", c_float))


SOURCE = """
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
typedef struct { uint8_t red, green, blue; } color;
typedef struct { float x, y, z; } vector;
typedef struct { char kind; int64_t number; const char *name; color color; uint16_t tail[3]; } record;
typedef union { int32_t whole; float real; } number;
color mix(color a, color b) { return (color){a.red + b.red, a.green + b.green, a.blue + b.blue}; }
vector scale(vector v, float by) { return (vector){v.x * by, v.y * by, v.z * by}; }
record next(record r, int by) {
    r.kind++; r.number += by; r.name = "from C"; r.color.blue = 9; r.tail[2] = r.tail[0] + r.tail[1];
    return r;
}
number half(number n) { n.real /= 2; return n; }
int each(int (*f)(int, void *), int n, void *context) { int s = 0; while (n--) s += f(n, context); return s; }
double fold(double (*f)(float, int64_t, vector), int n) {
    double s = 0;
    while (n--) s += f(n + 0.5f, (int64_t)n << 33, (vector){n, 1, 2});
    return s;
}
record make(record (*f)(record, color), int64_t n) {
    record r = {'m', n, "made", {1, 2, 3}, {4, 5, 6}};
    return f(r, r.color);
}
const char *longest(const char *(*f)(const char *)) { return f("ask"); }
#ifdef __SIZEOF_INT128__
__int128 square(__int128 a, char c, __int128 b) { return a * b + c; }
#endif
"""


@pytest.fixture(scope="module", params=TARGETS)
def c(request: pytest.FixtureRequest) -> Library:
    file = c_library(source_file("live", SOURCE), request.param)
    return Process.for_file(str(file)).dlopen(str(file))


@pytest.fixture(scope="module", params=TARGETS)
def go(request: pytest.FixtureRequest) -> Library:
    file = go_library("behaviour", request.param)
    return Process.for_file(str(file)).dlopen(str(file))


def libc_call(library: Library, name: str, *args: Any, returns: Any = c_int32, argtypes: Any = None) -> Any:
    """Call a function of the C library."""
    process = library.process
    return process.main.call(process.dlsym(DEFAULT, name), *args, returns=returns, argtypes=argtypes)


def test_variadic_call_formats_everything(c: Library) -> None:
    room = calls.buffer(100)
    length = libc_call(
        c, "snprintf", room, 100, "%d|%s|%.3f|%lld|%c|%g", c_int8(-3), "text", c_float(1.5),
        c_int64(1 << 40), ord("x"), 0.25, argtypes=[c_void_p, calls.size_t, str, ...],
    )  # fmt: skip
    assert room.value == b"-3|text|1.500|1099511627776|x|0.25"
    assert length == len(room.value)


def test_python_compares_for_qsort(c: Library) -> None:
    numbers = [5, -3, 9, 0, 12, -70]
    room = calls.buffer(struct.pack("<6i", *numbers))

    def compare(a: c_void_p, b: c_void_p) -> c_int32:  # type: ignore[valid-type]
        first, second = (c.process.cpu.memory.read_int(p, 4, signed=True) for p in (a, b))  # type: ignore[arg-type]
        return (first > second) - (first < second)  # type: ignore[return-value]

    libc_call(c, "qsort", room, 6, 4, compare, returns=None)
    assert struct.unpack("<6i", room.raw) == tuple(sorted(numbers))


def test_structs_by_value(c: Library) -> None:
    mixed = c.mix(Color(1, 2, 3), Color(10, 20, 30), returns=Color)
    assert (mixed.red, mixed.green, mixed.blue) == (11, 22, 33)
    assert c.scale((1, 2, 3), 0.5, returns=(c_float,) * 3, argtypes=[Vector, c_float]) == (0.5, 1.0, 1.5)
    record = c.call("next", Record(b"a", 1 << 40, b"x", Color(1, 2, 3), (1, 2, 3)), c_int32(-1), returns=Record)
    assert (record.kind, record.number, record.name) == (b"b", (1 << 40) - 1, b"from C")
    assert (record.color.red, record.color.blue, list(record.tail)) == (1, 9, [1, 2, 3])


def test_union_by_value(c: Library) -> None:
    assert c.half(Number(real=3.0), returns=Number).real == 1.5


def test_128_bits(c: Library) -> None:
    if c.process.cpu.abi.word == 4:
        with pytest.raises(CallError, match="32-bit ARM has no type int128"):
            c.call("each", calls.Typed(calls.int128, 1))
        return
    types = [calls.int128, c_int8, calls.int128]
    assert c.square(-(1 << 60), 7, 1 << 60, returns=calls.int128, argtypes=types) == 7 - (1 << 120)


def test_callback_takes_and_gives_all_kinds(c: Library) -> None:
    seen = []

    def add(number: c_int32, context: c_void_p) -> c_int32:  # type: ignore[valid-type]
        seen.append((number, context))
        return number  # type: ignore[return-value]

    assert c.each(add, c_int32(4), 77, returns=c_int32) == 6
    assert seen == [(3, 77), (2, 77), (1, 77), (0, 77)]

    def fold(a: c_float, b: c_int64, v: Vector) -> float:  # type: ignore[valid-type]
        return a + b + v.x + v.y + v.z  # type: ignore[operator,no-any-return]

    assert c.fold(fold, c_int32(3), returns=c_double) == sum(n + 0.5 + (n << 33) + n + 3 for n in range(3))

    def make(record: Record, color: Color) -> Record:
        return Record(record.kind, record.number + color.blue, b"python", color, (7, 8, 9))

    record = c.make(make, c_int64(1 << 35), returns=Record)
    assert (record.kind, record.number, record.name, list(record.tail)) == (
        b"m", (1 << 35) + 3, b"python", [7, 8, 9],
    )  # fmt: skip
    assert c.longest(lambda text: 0, returns=str) is None
    strings = c.process.callback(lambda text: text * 3, [str], str)
    assert c.longest(strings, returns=str) == "askaskask"


def test_callback_may_call_the_guest(c: Library) -> None:
    def again(number: c_int32, context: c_void_p) -> c_int32:  # type: ignore[valid-type]
        if number == 0:  # type: ignore[comparison-overlap]
            return 1  # type: ignore[return-value]
        return c.each(again, number, 0, returns=c_int32) + 1  # type: ignore[no-any-return]

    # f(n) = 1 + sum(f(k) for k < n) = 2**n
    assert c.each(again, c_int32(6), 0, returns=c_int32) == sum(2**n for n in range(6))


def test_exception_in_a_callback_comes_out_of_the_call(c: Library) -> None:
    def fails(number: int, context: int) -> int:
        raise KeyError("mine")

    process = Process(c.process.arch)
    library = process.dlopen(c.path)
    with pytest.raises(KeyError, match="mine"):
        library.each(fails, c_int32(1), 0)


def test_memory_given_to_a_call_is_given_back(c: Library) -> None:
    before = dict(c.process.host_memory.sizes)
    for _ in range(50):
        libc_call(c, "strlen", "x" * 1000, returns=calls.word)
    assert c.process.host_memory.sizes == before


def test_result_that_is_no_string_leaves_the_thread_usable(c: Library) -> None:
    with pytest.raises(CallError, match="there is no string at 0x10"):
        libc_call(c, "strlen", "x" * 16, returns=str)
    assert libc_call(c, "strlen", "abc", returns=calls.word) == 3


def test_go_exports(go: Library) -> None:
    assert go.call("upper", GoString("go ünd c"), returns=str) == "GO ÜND C"
    assert go.call("divide", c_int32(-7), c_int32(2), returns=(c_int32, c_int32)) == (-3, -1)
    assert go.call("sum_slice", [1, 2, -5], returns=c_int64, argtypes=[GoSlice(c_int32)]) == -2
    assert go.call("multiply_complex", 1 + 2j, 3 - 4j, returns=complex) == 11 + 2j
    assert go.call("addu32", c_uint32(1 << 31), c_uint32(1 << 31), returns=c_uint32) == 0
    assert go.call("add16", c_int16(-30000), c_int16(-30000), returns=c_int16) == 5536
    assert go.call("average", calls.buffer(struct.pack("<3d", 1, 2, 6)), c_int32(3), returns=float) == 3.0
    data = bytearray(b"abcdef")
    go.call("reverse", data, returns=None)
    assert data == b"fedcba"


def test_go_calls_python_from_goroutines(go: Library) -> None:
    seen = []

    def double(number: c_int32, context: c_void_p) -> c_int32:  # type: ignore[valid-type]
        seen.append(number)
        return number * 2  # type: ignore[operator,no-any-return]

    assert go.call_back(double, None, c_int32(10), returns=c_int64) == 90
    assert go.call_back_from_goroutines(double, None, c_int32(20), returns=c_int64) == 380
    assert seen[:10] == list(range(10))
    assert sorted(seen[10:]) == list(range(20))


def test_eight_threads_meet_inside_go(go: Library) -> None:
    threads = [go.process.thread() for _ in range(8)]
    pending = [thread.start(go["meet"], c_int32(1), c_int32(8), returns=c_int32) for thread in threads]
    assert sorted(p.result() for p in pending) == list(range(1, 9))


def test_call_that_hangs_or_faults_carries_a_report() -> None:
    file = c_library("faulty", "arm64-gnu")
    for function, error in (("read_null", GuestFailed), ("wait_for_ever", Deadlock)):
        library = Process.for_file(str(file)).dlopen(str(file))
        with pytest.raises(error) as caught:
            library.call(function)
        assert any(frame.function == function for frame in caught.value.report.threads[0].frames)
