"""The contents of single events, checked against the guest's own state."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import emuload
from emuload import samples
from emuload.process.process import Process
from emuload.trace.events import Event
from loader.profiles import families
from tests.golang.files import behaviour
from tests.support.command_line import source_file
from tests.support.targets import GNU, arch_of
from tests.support.toolchain import c_library

NAMES = ("argc", "argv", "envp")
TARGETS = ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"]

SOURCE = """
#include <dlfcn.h>
#include <pthread.h>
int seen_argc;
char **seen_argv, **seen_envp;
__attribute__((constructor)) static void begin(int argc, char **argv, char **envp) {
    seen_argc = argc, seen_argv = argv, seen_envp = envp;
}
static pthread_once_t once = PTHREAD_ONCE_INIT;
static void routine(void) {}
void once_more(void) { pthread_once(&once, routine); }
long closes(long handle) { return dlclose((void *)handle); }
long looks(const char *name) { return dlsym(RTLD_DEFAULT, name) != 0; }
static void *nothing(void *unused) { return unused; }
void starts(void) {
    pthread_t thread;
    pthread_create(&thread, 0, nothing, 0);
    pthread_join(thread, 0);
}
"""


def library(target: str) -> Path:
    return c_library(source_file("single_events", SOURCE), target, flags=["-w"], link=["-pthread"])


def of_kind(process: Process, *kinds: str) -> list[Event]:
    return [event for event in process.events if event.kind in kinds]


@pytest.mark.parametrize("profile", families())
@pytest.mark.parametrize("target", TARGETS)
def test_a_constructor_is_called_with_what_its_event_says(target: str, profile: str) -> None:
    process = Process(arch_of(target), profile=profile, args=["prog", "x"], env={"K": "v"})
    path = str(library(target))
    process.dlopen(path)
    (begun,) = (event.fields for event in of_kind(process, "constructor-enter") if event.fields["object"] == path)
    word, memory = process.cpu.abi.word, process.cpu.memory
    seen = [
        memory.read_int(process.dlsym("default", f"seen_{name}"), size) for name, size in zip(NAMES, (4, word, word), strict=True)
    ]
    assert [begun[name] for name in NAMES] == seen
    assert [bool(word) for word in seen] == [name in process.profile.constructor_arguments for name in NAMES]


@pytest.mark.parametrize("target", TARGETS)
def test_pthread_once_says_whether_it_found_the_routine_done(target: str) -> None:
    process = Process(arch_of(target))
    opened = process.dlopen(str(library(target)))
    opened.call("once_more")
    opened.call("once_more")
    kinds = [event.kind for event in of_kind(process, "once-enter", "once-exit", "once-pass")]
    assert kinds == ["once-enter", "once-exit", "once-pass"]


@pytest.mark.parametrize("target", TARGETS)
def test_a_new_thread_has_the_thread_pointer_of_its_block(target: str) -> None:
    process = Process(arch_of(target))
    process.thread()
    process.dlopen(str(library(target))).call("starts")
    made = [event.fields["thread_pointer"] for event in of_kind(process, "task-create")]
    assert made == [event.fields["thread_pointer"] for event in of_kind(process, "tls-block")]
    assert len(set(made)) == 3
    assert made[0] == process.linker.libc.thread_pointers()[0]


def test_a_lookup_says_what_it_found() -> None:
    process = Process("amd64")
    opened = process.dlopen(str(library("amd64-gnu")))
    before = len(process.events)
    assert opened.call("looks", "malloc") == 1
    assert opened.call("looks", "no_such_function") == 0
    found = [(event.kind, event.fields) for event in process.events[before:] if event.kind.startswith("dlsym")]
    assert found[2:] == [
        ("dlsym-enter", {"name": "malloc", "handle": 0}),
        ("dlsym-exit", {"value": process.dlsym("default", "malloc")}),
        ("dlsym-enter", {"name": "no_such_function", "handle": 0}),
        ("dlsym-exit", {"error": f"{opened.path}: undefined symbol: no_such_function"}),
    ]


def test_a_dlclose_that_fails_says_so() -> None:
    process = Process("amd64")
    assert process.dlopen(str(library("amd64-gnu"))).call("closes", 0x123456) == -1
    assert [event.fields for event in of_kind(process, "dlclose-enter", "dlclose-exit")] == [
        {"object": ""}, {"error": "invalid handle"},
    ]  # fmt: skip


@pytest.mark.parametrize("name", samples.SAMPLES)
def test_dependencies_and_relocations_are_those_of_the_file(name: str, tmp_path: Path) -> None:
    path = str(samples.path(name, tmp_path))
    process = Process.for_file(path)
    process.dlopen(path)
    (needed,), (relocated,) = (
        [event.fields for event in of_kind(process, kind) if event.fields["object"] == path]
        for kind in ("object-dependencies", "object-relocated")
    )
    listed = subprocess.run(["readelf", "-dr", "--wide", path], capture_output=True, text=True, check=True).stdout
    libc = {"libpthread.so.0": "libc.so.6"}  # One object here, as in glibc since 2.34.
    sonames = re.findall(r"\(NEEDED\) .*\[(.*)\]", listed)
    assert needed["needed"] == list(dict.fromkeys(libc.get(soname, soname) for soname in sonames))
    types = re.findall(r"^[0-9a-f]{8,16}  [0-9a-f]{8,16} (R_\w+)", listed, re.MULTILINE)
    assert sorted(relocated["kinds"]) == sorted(f"{kind}={types.count(kind)}" for kind in set(types))


# -- what Go sees of arguments and environment -------------------------------------------------------------------------


@pytest.mark.parametrize("target", GNU)
@pytest.mark.parametrize("go", ["1.27", "1.22"])
def test_go_sees_the_environment_of_the_process(target: str, go: str) -> None:
    process = Process(arch_of(target), args=["prog", "x"], env={"A": "1", "B": ""})
    process.dlopen(str(behaviour(target, go))).call("add", 1, 2)
    (taken,) = of_kind(process, "go-args")
    assert (taken.fields["argc"], taken.fields["environment"], taken.fields["complete"]) == (2, 2, True)


def test_go_sees_nothing_where_constructors_are_passed_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    process = Process("amd64", args=["prog", "x"], env={"A": "1"})
    monkeypatch.setattr(process.profile, "constructor_arguments", ())
    opened = process.dlopen(str(behaviour("amd64-gnu", "1.27")))
    with pytest.raises(emuload.GuestFailed):
        opened.call("add", 1, 2)
    (taken,) = of_kind(process, "go-args")
    assert (taken.fields["argc"], taken.fields["environment"], taken.fields["complete"]) == (0, 0, False)
