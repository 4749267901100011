"""A library's attributes: names that are there, names that are not, and types as ctypes has them."""

from __future__ import annotations

import ctypes
from pathlib import Path

import pytest

import emuload
from emuload.calls.text import parse_call
from emuload.process.library import Library
from loader.errors import LoadError
from tests.support.command_line import emuload as command
from tests.support.command_line import source_file
from tests.support.toolchain import c_library

SOURCE = """
#include <stdint.h>
int variable = 3;
int add(int a, int b) { return a + b; }
const char *greet(void) { return "hello, gopher"; }
const char *none(void) { return 0; }
double half(double x) { return x / 2; }
int32_t minus(void) { return -1; }
void nothing(void) {}
static char writable[] = "from data";
char *data(void) { return writable; }
const char *echo(const char *text) { return text; }
"""


def built() -> Path:
    return c_library(source_file("library_face", SOURCE), "amd64-gnu")


@pytest.fixture
def library() -> Library:
    return emuload.Process("amd64").dlopen(str(built()))


def test_names_that_are_not_there(library: Library) -> None:
    assert hasattr(library, "add")
    assert not hasattr(library, "nosuch")
    assert not hasattr(library, "_nosuch")
    assert getattr(library, "nosuch", None) is None
    with pytest.raises(LoadError, match=r"undefined symbol: ad \(did you mean add\?\)") as caught:
        library.ad(1, 2)
    assert isinstance(caught.value, AttributeError)
    with pytest.raises(emuload.LoadError, match=r"undefined symbol: qqqqqq$"):
        library["qqqqqq"]


def test_what_a_library_exports_is_looked_up_without_running_code(library: Library) -> None:
    before = len(library.process.events)  # type: ignore[attr-defined]
    assert "add" in library
    assert "variable" in library
    assert "nosuch" not in library
    assert "malloc" not in library
    assert set(library.exports) >= {"add", "greet", "half", "variable"}
    assert list(library.exports) == sorted(library.exports) == list(library)
    assert {"add", "greet", "call", "close", "exports"} <= set(dir(library))
    assert len(library.process.events) == before  # type: ignore[attr-defined]
    library.close()
    assert list(library.exports) == []


def test_restype_and_argtypes_are_as_in_ctypes(library: Library) -> None:
    assert library.add.restype is int
    library.greet.restype = ctypes.c_char_p
    assert library.greet() == b"hello, gopher"
    assert library.call("greet") == b"hello, gopher"
    assert library.greet(returns=str) == "hello, gopher"
    library.half.argtypes, library.half.restype = [ctypes.c_double], ctypes.c_double
    assert library.half(3) == 1.5
    with pytest.raises(emuload.CallError, match="takes 1 argument, not 2"):
        library.half(1, 2)
    with pytest.raises(emuload.CallError, match="argument 1: 'x' is no double"):
        library.half("x")
    library.nothing.restype = None
    assert library.nothing() is None
    library.minus.restype = ctypes.c_int
    assert library.minus() == -1


def test_unknown_attributes_of_a_function_are_refused(library: Library) -> None:
    with pytest.raises(AttributeError, match="no attribute 'retype' to set: there are argtypes and restype"):
        library.add.retype = ctypes.c_int  # type: ignore[attr-defined]
    assert not hasattr(library.add, "errcheck")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("minus() -> int32_t", -1),
        ("minus() -> uint32", 0xFFFFFFFF),
        ("greet() -> string", "hello, gopher"),
        ("greet() -> char*", "hello, gopher"),
        ("greet() -> const char *", "hello, gopher"),
        ("none() -> char*", None),
        ("none() -> void*", 0),
        ("none() -> int *", 0),
        ("half(double(5)) -> double", 2.5),
        ("echo('single \"quotes\"') -> string", 'single "quotes"'),
        ("echo('it\\'s') -> str", "it's"),
        ("add(int32_t(1), short(2))", 3),
    ],
)
def test_calls_take_usual_names_of_types(library: Library, text: str, value: object) -> None:
    call = parse_call(text)
    assert library.call(call.name, *call.arguments, returns=call.returns) == value


@pytest.mark.parametrize("text", ["f('x)", "f(\"x')", "f(1) -> *", "f(1) -> const", "f(1) -> i32 i32", "f(*)", "f(int*(3))"])
def test_what_is_no_call_is_still_refused(text: str) -> None:
    with pytest.raises(emuload.CallError, match="column"):
        parse_call(text)


def test_a_result_that_is_the_address_of_text_gives_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    calls = ("greet()", "data()", "greet() -> ptr", "add(1, 2)", "none()", "greet() -> str")
    lines = command(capsys, "run", built(), *(word for call in calls for word in ("-c", call))).out.splitlines()
    assert lines[0].endswith('  (the address of "hello, gopher"? write -> str)')
    assert lines[1].endswith('  (the address of "from data"? write -> str)')
    assert not any("write -> str" in line for line in lines[2:])


def test_an_undefined_symbol_on_the_command_line_offers_others(capsys: pytest.CaptureFixture[str]) -> None:
    ended = command(capsys, "run", built(), "-c", "ad(1, 2)")
    assert ended.status == 2
    assert ended.err == f"emuload: {built()}: undefined symbol: ad (did you mean add?)\n"
