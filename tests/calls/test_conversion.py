"""Values reach the guest as C's types would, come back as Python's, and what does not fit is said in one line."""

from __future__ import annotations

import ctypes
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from ctypes import c_double, c_float, c_int8, c_int16, c_int32, c_int64, c_uint8, c_uint16, c_uint32, c_uint64
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emuload.calls import convert as calls
from emuload.calls.convert import CallError, GoSlice, GoString, Typed
from emuload.calls.text import TYPES, parse_call
from emuload.machine import create_cpu
from emuload.machine.calling import reply
from emuload.machine.cpu import Cpu
from emuload.process.host_memory import HostMemory

STACK = 0x20000000


@dataclass
class Host:
    """As much of a process as calls need: nothing runs in it."""

    cpu: Cpu
    memory: HostMemory
    hard_float: bool = True
    registered: list[tuple[Callable[..., Any], Sequence[Any], Any]] = field(default_factory=list)

    def callback(self, function: Callable[..., Any], argtypes: Sequence[Any], returns: Any) -> int:
        self.registered.append((function, argtypes, returns))
        return 0x1000 * len(self.registered)


def make_host(architecture: str) -> Host:
    cpu = create_cpu(architecture)
    cpu.memory.mmap(STACK, 1 << 16, 3, fixed=True)
    return Host(cpu, HostMemory(cpu.memory))


HOSTS = {name: make_host(name) for name in ("amd64", "arm", "arm64")}


@pytest.fixture(params=HOSTS)
def host(request: pytest.FixtureRequest) -> Host:
    return HOSTS[request.param]


def send(host: Host, args: Sequence[Any], argtypes: Sequence[Any] | None = None, returns: Any = int) -> calls.Prepared:
    """Place a call's arguments, as if the callee were about to run."""
    prepared = calls.prepare(cast(Any, host), args, returns, argtypes)
    host.cpu.sp = STACK + 0xF000
    prepared.place()
    host.cpu.set_return_address(0)
    return prepared


def arrived(host: Host, *types: Any) -> list[Any]:
    """What a callee with these parameters finds."""
    return calls.receive_callback(cast(Any, host), types, None).arguments


def returned(host: Host, prepared: calls.Prepared, value: bytes) -> Any:
    """What the caller gets when the callee returns these bytes."""
    reply(prepared.signature.plan, host.cpu, value, prepared.result_address)
    return prepared.collect()


class Point(ctypes.Structure):
    _fields_ = (("x", c_int16), ("y", c_double), ("name", ctypes.c_char_p), ("tail", c_uint8 * 3))


# -- values without types ------------------------------------------------------------------------------------------


def test_int_is_a_machine_word(host: Host) -> None:
    word = host.cpu.abi.word
    send(host, [1, -1, (1 << word * 8) - 1])
    assert arrived(host, int, int, int) == [1, -1, -1]


def test_int_wider_than_the_word_is_64_bits() -> None:
    send(HOSTS["arm"], [1, 1 << 40, -(1 << 40)])
    assert arrived(HOSTS["arm"], int, c_int64, c_int64) == [1, 1 << 40, -(1 << 40)]


def test_int_too_wide_is_refused(host: Host) -> None:
    with pytest.raises(CallError, match=r"argument 2: .* is wider than 64 bits"):
        send(host, [1, 1 << 64])


def test_plain_values(host: Host) -> None:
    send(host, [1.5, True, None, "grüß", b"raw\xff", GoString("gø"), 3 + 4j])
    assert arrived(host, float, bool, ctypes.c_void_p, str, bytes, GoString, complex) == [
        1.5, True, 0, "grüß", b"raw\xff", "gø", 3 + 4j,
    ]  # fmt: skip


def test_lists_are_go_slices(host: Host) -> None:
    send(host, [[1, 2, 3], [1, 2.5], ["a", "b"], [], [c_uint16(7)]])
    types = (GoSlice(int), GoSlice(float), GoSlice(GoString), GoSlice(int), GoSlice(c_uint16))
    assert arrived(host, *types) == [[1, 2, 3], [1.0, 2.5], ["a", "b"], [], [7]]


def test_go_slice_is_pointer_length_capacity() -> None:
    send(HOSTS["arm"], [[5, 6]])
    address, length, capacity, _ = (HOSTS["arm"].cpu.register(f"r{i}") for i in range(4))
    assert (length, capacity) == (2, 2)
    assert HOSTS["arm"].cpu.memory.read(address, 8) == struct.pack("<ii", 5, 6)


def test_bytearray_takes_what_the_callee_wrote(host: Host) -> None:
    data = bytearray(b"abc")
    prepared = send(host, [data])
    assert arrived(host, GoSlice(c_uint8)) == [b"abc"]
    host.cpu.memory.write(prepared.encoder.outputs[0][0], b"xyz")
    prepared.collect()
    assert data == b"xyz"


def test_buffer_and_ref_are_read_back(host: Host) -> None:
    room, number = calls.buffer(8), calls.ref(c_int32, -7)
    prepared = send(host, [room, number])
    at, at_number = arrived(host, ctypes.c_void_p, ctypes.c_void_p)
    assert host.cpu.memory.read(at_number, 4) == struct.pack("<i", -7)
    host.cpu.memory.write(at, b"hi\0there")
    host.cpu.memory.write(at_number, struct.pack("<i", 99))
    prepared.collect()
    assert (room.value, room.raw, number.value) == (b"hi", b"hi\0there", 99)


def test_memory_of_a_call_is_freed(host: Host) -> None:
    before = dict(host.memory.sizes)
    prepared = send(host, ["text", calls.buffer(100), [1, 2], GoString("x")])
    assert len(host.memory.sizes) == len(before) + 4
    prepared.collect()
    assert host.memory.sizes == before


def test_memory_is_freed_when_a_later_argument_is_bad(host: Host) -> None:
    before = dict(host.memory.sizes)
    with pytest.raises(CallError, match="argument 2: 300 does not fit uint8"):
        send(host, ["text", Typed(c_uint8, 300)])
    assert host.memory.sizes == before


def test_python_function_becomes_a_callback_with_its_annotations(host: Host) -> None:
    def on_event(number: c_int32, name: bytes, anything) -> None:  # type: ignore[no-untyped-def,valid-type]
        pass

    send(host, [on_event])
    function, argtypes, returns = host.registered[-1]
    assert (function, list(argtypes), returns) == (on_event, [c_int32, bytes, int], None)
    assert arrived(host, ctypes.c_void_p) == [0x1000 * len(host.registered)]


def test_callback_that_takes_anything_is_refused(host: Host) -> None:
    with pytest.raises(CallError, match="how many arguments"):
        send(host, [lambda *args: None])


def test_what_has_an_address_is_a_pointer(host: Host) -> None:
    class Function:
        address = 0x1234

    send(host, [Function()])
    assert arrived(host, ctypes.c_void_p) == [0x1234]


def test_unknown_value_is_refused(host: Host) -> None:
    with pytest.raises(CallError, match=r"argument 1: .* is no value a call can have"):
        send(host, [object()])


# -- types ---------------------------------------------------------------------------------------------------------


def test_structure_by_value(host: Host) -> None:
    point = Point(-3, 2.5, b"here", (1, 2, 3))
    send(host, [point, (4, 0.5, None, [7, 8, 9])], [Point, Point])
    first, second = arrived(host, Point, Point)
    assert (first.x, first.y, first.name, list(first.tail)) == (-3, 2.5, b"here", [1, 2, 3])
    assert (second.x, second.y, second.name, list(second.tail)) == (4, 0.5, None, [7, 8, 9])


def test_structure_size_is_the_guests() -> None:
    sizes = {name: send(host, [], returns=Point).signature.plan.result_size for name, host in HOSTS.items()}
    assert sizes == {"amd64": 32, "arm": 24, "arm64": 32}


@pytest.mark.parametrize(
    ("type_", "raw", "value"),
    [
        (int, None, -2), (c_int8, b"\xfe", -2), (c_uint32, b"\xff\xff\xff\xff", 0xFFFFFFFF),
        (c_int64, b"\xff" * 8, -1), (float, struct.pack("<d", 0.1), 0.1), (c_float, struct.pack("<f", 0.5), 0.5),
        (bool, b"\x01", True), ((c_int64, c_int64), struct.pack("<qq", 3, -4), (3, -4)),
        ((c_float, c_float), struct.pack("<ff", 1, 2), (1.0, 2.0)), (None, b"", None),
        (calls.complex64, struct.pack("<ff", 1, -2), 1 - 2j), ((int,) * 5, None, (1, 2, 3, 4, 5)),
    ],
)  # fmt: skip
def test_results(host: Host, type_: Any, raw: bytes | None, value: Any) -> None:
    prepared = send(host, [1, 2], returns=type_)
    if raw is None:
        values = value if isinstance(value, tuple) else (value,)
        raw = b"".join(v.to_bytes(host.cpu.abi.word, "little", signed=True) for v in values)
    assert returned(host, prepared, raw) == value


def test_128_bits_come_back() -> None:
    prepared = send(HOSTS["arm64"], [], returns=calls.int128)
    assert returned(HOSTS["arm64"], prepared, (-(1 << 100)).to_bytes(16, "little", signed=True)) == -(1 << 100)


def test_arm_has_no_128_bits() -> None:
    with pytest.raises(CallError, match="32-bit ARM has no type int128"):
        send(HOSTS["arm"], [], returns=calls.int128)


def test_strings_come_back(host: Host) -> None:
    word = host.cpu.abi.word
    at = host.memory.store("grüß".encode() + b"\0")
    pointer = at.to_bytes(word, "little")
    assert returned(host, send(host, [], returns=str), pointer) == "grüß"
    assert returned(host, send(host, [], returns=bytes), pointer) == "grüß".encode()
    assert returned(host, send(host, [], returns=ctypes.c_void_p), pointer) == at
    assert returned(host, send(host, [], returns=GoString), pointer + (2).to_bytes(word, "little")) == "gr"
    assert returned(host, send(host, [], returns=str), bytes(word)) is None


def test_string_result_that_points_nowhere(host: Host) -> None:
    prepared = send(host, [], returns=str)
    with pytest.raises(CallError, match="there is no string at 0x10"):
        returned(host, prepared, (0x10).to_bytes(host.cpu.abi.word, "little"))


def test_huge_slice_result_is_refused(host: Host) -> None:
    prepared = send(host, [], returns=GoSlice(int))
    word = host.cpu.abi.word
    header = STACK.to_bytes(word, "little") + b"\xff" * (word - 1) + b"\x0f" + bytes(word)
    with pytest.raises(CallError, match="there are no"):
        returned(host, prepared, header)


def test_variadic_arguments_are_promoted(host: Host) -> None:
    send(host, ["%d %f", c_int8(-5), c_float(0.5), 7], [str, ...])
    plan = calls._signature(host.cpu.abi.name, host.cpu.abi.word, (str, c_int32, c_double, int), None, True, True).plan
    assert calls.receive(plan, host.cpu)[0][1:] == [
        struct.pack("<i", -5), struct.pack("<d", 0.5), (7).to_bytes(host.cpu.abi.word, "little"),
    ]  # fmt: skip


def test_variadic_on_amd64_says_how_many_vector_registers() -> None:
    send(HOSTS["amd64"], ["%f", 0.5], [str, ...])
    assert HOSTS["amd64"].cpu.register("rax") == 1


@pytest.mark.parametrize(
    ("args", "argtypes", "words"),
    [
        ([1], [int, int], "takes 2 arguments, not 1"),
        ([1, 2], [int], "takes 1 argument, not 2"),
        ([], [str, ...], "takes 1 argument, not 0"),
        (["x"], [c_int32], "argument 1: 'x' is no int32"),
        ([1 << 31], [c_int32], "argument 1: 2147483648 does not fit int32"),
        ([-1], [c_uint8], "argument 1: -1 does not fit uint8"),
        (["x"], [float], "argument 1: 'x' is no double"),
        ([1], [None], "argument 1: void is no type"),
        ([1], ["nonsense"], "is no type a call can have"),
        ([(1, 2)], [(int, int, int)], "argument 1: .* is no struct of 3 members"),
        ([1], [ctypes.c_longdouble], "c_longdouble is no type a call can have"),
        ([[1, "x"]], None, "argument 1: the elements of a slice must have one type"),
        ([1e300], [c_float], "argument 1: 1e\\+300 does not fit float"),
    ],
)
def test_what_does_not_fit_is_said(host: Host, args: list[Any], argtypes: Any, words: str) -> None:
    with pytest.raises(CallError, match=words) as caught:
        send(host, args, argtypes)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_status == 2


def test_callback_result_is_checked(host: Host) -> None:
    received = calls.receive_callback(cast(Any, host), [], c_int8)
    with pytest.raises(CallError, match="the callback's result: 1000 does not fit int8"):
        calls.reply_to_callback(cast(Any, host), received, 1000)


# -- properties ----------------------------------------------------------------------------------------------------


def integers(bits: int, signed: bool) -> st.SearchStrategy[int]:
    low = -(1 << bits - 1) if signed else 0
    return st.integers(low, (1 << bits - signed) - 1)


SIMPLE: dict[Any, st.SearchStrategy[Any]] = {
    c_int8: integers(8, True), c_uint8: integers(8, False), c_int16: integers(16, True),
    c_uint16: integers(16, False), c_int32: integers(32, True), c_uint32: integers(32, False),
    c_int64: integers(64, True), c_uint64: integers(64, False), int: integers(32, True),
    float: st.floats(allow_nan=False), c_float: st.floats(allow_nan=False, width=32), bool: st.booleans(),
    str: st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20).map(str),
    GoString: st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    calls.complex128: st.complex_numbers(allow_nan=False),
}  # fmt: skip


@st.composite
def typed_values(draw: st.DrawFn, depth: int = 2) -> tuple[Any, Any]:
    """A type token and a value of it."""
    kind = draw(st.sampled_from(["simple"] * 4 + (["tuple", "slice"] if depth else [])))
    if kind == "tuple":
        members = draw(st.lists(typed_values(depth - 1), min_size=1, max_size=4))
        return tuple(token for token, _ in members), tuple(value for _, value in members)
    if kind == "slice":
        element = draw(st.sampled_from([token for token in SIMPLE if token not in (c_uint8, c_int8, str)]))
        return GoSlice(element), draw(st.lists(SIMPLE[element], max_size=5))
    token = draw(st.sampled_from(list(SIMPLE)))
    return token, draw(SIMPLE[token])


@settings(max_examples=200, deadline=None)
@given(architecture=st.sampled_from(list(HOSTS)), hard=st.booleans(), pairs=st.lists(typed_values(), max_size=10))
def test_every_value_arrives_as_it_was_sent(architecture: str, hard: bool, pairs: list[tuple[Any, Any]]) -> None:
    host = HOSTS[architecture]
    host.hard_float = hard
    types = [token for token, _ in pairs]
    prepared = send(host, [value for _, value in pairs], types, None)
    assert arrived(host, *types) == [value for _, value in pairs]
    prepared.collect()
    host.hard_float = True


@settings(max_examples=100, deadline=None)
@given(architecture=st.sampled_from(list(HOSTS)), pair=typed_values())
def test_every_result_comes_back_as_the_callback_gave_it(architecture: str, pair: tuple[Any, Any]) -> None:
    host = HOSTS[architecture]
    token, value = pair
    prepared = send(host, [1], returns=token)
    received = calls.receive_callback(cast(Any, host), [int], token)
    calls.reply_to_callback(cast(Any, host), received, value)
    assert prepared.collect() == value


# -- calls as text -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "arguments", "returns"),
    [
        ("add(1, 2)", "add", (1, 2), int),
        (" add ( 1 ,-2 ) ", "add", (1, -2), int),
        ("f()", "f", (), int),
        ("f(0x10, -0x10, 0b11, 0o17, 1_000, 0)", "f", (16, -16, 3, 15, 1000, 0), int),
        ("f(1.5, -2e3, .5, 1.)", "f", (1.5, -2000.0, 0.5, 1.0), int),
        ('greet("go, \\"pher\\"\\n") -> str', "greet", ('go, "pher"\n',), str),
        ('f("\\x41\\u00e9\\0\\t\\\\")', "f", ("Aé\0\t\\",), int),
        ("f(true, false, null)", "f", (True, False, None), int),
        ("f([1, 2, 3])", "f", ([1, 2, 3],), int),
        ('f(["a"], [])', "f", (["a"], []), int),
        ("f({1, 2.5})", "f", ((1, 2.5),), int),
        ("f() -> void", "f", (), None),
        ("f()->(i64, i32)", "f", (), (c_int64, c_int32)),
        ("f() -> [u8]", "f", (), GoSlice(c_uint8)),
        ("f() -> gostring", "f", (), GoString),
        ("ns.f$1() -> ([f64], (u8, ptr))", "ns.f$1", (), (GoSlice(c_double), (c_uint8, ctypes.c_void_p))),
    ],
)
def test_text_is_read(text: str, name: str, arguments: tuple[Any, ...], returns: Any) -> None:
    parsed = parse_call(text)
    assert (parsed.name, parsed.arguments, parsed.returns) == (name, arguments, returns)


def test_casts_and_go_strings() -> None:
    parsed = parse_call('f(i32(5), u8(255), f32(1.5), ptr(0xdead), c64(1, -2), go"x", buf(3), buf("ab"))')
    assert parsed.arguments[:5] == (
        Typed(c_int32, 5), Typed(c_uint8, 255), Typed(c_float, 1.5), Typed(ctypes.c_void_p, 0xDEAD),
        Typed(calls.complex64, 1 - 2j),
    )  # fmt: skip
    assert isinstance(parsed.arguments[5], GoString)
    assert [argument.raw for argument in parsed.arguments[6:]] == [bytes(3), b"ab"]


@pytest.mark.parametrize(
    ("text", "column", "words"),
    [
        ("", 1, "expected a function's name"),
        ("add", 4, "expected ("),
        ("add(", 5, "expected an argument or )"),
        ("add(1", 6, "expected , or )"),
        ("add(1,", 7, "expected an argument or )"),
        ("add(1,,2)", 7, "expected an argument, found ,"),
        ("add(1 2)", 7, "expected , or ), found 2"),
        ("add(1) x", 8, "expected -> or the end"),
        ("add(1) ->", 10, "expected a type"),
        ("add(1) -> str2", 11, "expected a type"),
        ('add("x)', 5, "an unfinished string"),
        ("add(1;2)", 6, "not understood"),
        ("add(foo)", 5, "unknown type or constant foo"),
        ("add(i32(1, 2))", 5, "i32 takes one value, not 2"),
        ("add(12ab)", 5, "not understood"),
        ("add(017)", 5, "write octal 017 as 0o17"),
        ('add("\\q")', 5, "unknown escape \\q"),
        ("add(buf(-1))", 5, "buf takes a size"),
    ],
)
def test_text_that_is_no_call(text: str, column: int, words: str) -> None:
    with pytest.raises(CallError) as caught:
        parse_call(text)
    assert f"column {column}: " in str(caught.value)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@given(st.text(alphabet='ab1(-")[]{},>.\\ x0i32', max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    with suppress(CallError):
        parse_call(text)


def test_every_type_name_is_a_type() -> None:
    for name, token in TYPES.items():
        assert parse_call(f"f() -> {name}").returns == token
