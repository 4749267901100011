"""Which calls wait for the loader's lock while a library's constructor runs, by profile.

What hangs and what does not was seen natively with glibc 2.36 and musl 1.2.3. glibc: under dlopen the lock is held while
constructors run, at start-up it is not. musl: it never is, but who opens a library, or ends, waits for its constructors.
glibc: pthread_exit, pthread_cancel and backtrace open libgcc_s under it. bionic: as dlopen, dl_iterate_phdr takes the lock
too (linker/dlfcn.cpp). windows-like: a new thread needs the lock.
"""

from __future__ import annotations

from pathlib import Path

import pytest

import emuload
from emuload.errors import Deadlock, GuestFailed
from tests.support.targets import arch_of
from tests.support.toolchain import c_library

SOURCE = Path(__file__).parent / "programs" / "waiting_constructor.c"
FURTHER = SOURCE.parent / "further.c"
ITERATION = SOURCE.parent / "iteration.c"
WAIT = ["dlopen", "dlsym", "dladdr", "itself", "exit", "exit_thread", "cancel", "thread_destructor", "backtrace"]
PASS = ["iterate", "tls", "malloc", "atexit", "dlinfo"]
TARGETS = ["amd64-gnu", "armv7-gnueabihf", "arm64-gnu"]


MUSL_WAITS = ["itself", "exit"]


def library(first: str, target: str, *more: str) -> str:
    return str(c_library(SOURCE, target, flags=["-w", f"-DFIRST=first_{first}", *more], link=["-pthread"]))


@pytest.mark.parametrize("first", PASS)
@pytest.mark.parametrize("target", TARGETS)
def test_does_not_need_the_lock(first: str, target: str) -> None:
    process = emuload.Process(arch_of(target))
    assert process.dlopen(library(first, target)).loaded() == 42


@pytest.mark.parametrize("first", WAIT)
@pytest.mark.parametrize("target", TARGETS)
def test_waits_for_the_lock_for_ever(first: str, target: str) -> None:
    process = emuload.Process(arch_of(target))
    with pytest.raises(Deadlock) as caught:
        process.dlopen(library(first, target))
    opener, starter = caught.value.report.threads[:2]
    assert "thread" in opener.waits_for
    assert opener.holder == starter.tid
    assert "loader lock" in starter.waits_for
    assert starter.holder == opener.tid


@pytest.mark.parametrize("first", ["dlopen", "dlsym", "dladdr", "itself"])
def test_no_lock_at_start(first: str) -> None:
    target = "amd64-gnu"
    path = library(first, target)
    process = emuload.Process("amd64", needed=[path])
    assert process.dlopen(path).loaded() == 42


@pytest.mark.parametrize("first", ["dlopen", "dlsym", "dladdr", *PASS, "nothing"])
def test_musl_lets_other_threads_use_the_loader(first: str) -> None:
    process = emuload.Process("amd64", profile="musl")
    assert process.dlopen(library(first, "amd64-gnu")).loaded() == 42


@pytest.mark.parametrize("target", TARGETS)
def test_a_binding_to_another_library_takes_the_lock(target: str) -> None:
    process = emuload.Process(arch_of(target))
    process.dlopen(str(c_library(FURTHER, target)), "now|global")
    path = str(c_library(SOURCE, target, flags=["-w", "-DFIRST=further", "-Wl,-z,lazy"], link=["-pthread"]))
    with pytest.raises(Deadlock) as caught:
        process.dlopen(path, "lazy")
    opener, starter = caught.value.report.threads[:2]
    assert "loader lock" in starter.waits_for
    assert starter.holder == opener.tid


@pytest.mark.parametrize("target", TARGETS)
def test_dlopen_waits_for_an_iteration_and_that_for_dlopens_lock(target: str) -> None:
    further = c_library(FURTHER, target)
    process = emuload.Process(arch_of(target), maps=[(str(further.parent), str(further.parent), False)])
    loaded = process.dlopen(str(c_library(ITERATION, target, flags=["-w"], link=["-pthread"])))
    with pytest.raises(Deadlock) as caught:
        loaded.open_while_iterating(str(further))
    opener, iterating = caught.value.report.threads[:2]
    assert "lock of dl_iterate_phdr" in opener.waits_for
    assert opener.holder == iterating.tid
    assert "loader lock" in iterating.waits_for
    assert iterating.holder == opener.tid


@pytest.mark.parametrize("first", ["thread_destructor", "exit_thread"])
@pytest.mark.parametrize("level", [27, 28])
def test_bionic_takes_its_mutex_for_thread_local_destructors_from_28_on(level: int, first: str) -> None:
    process = emuload.Process("arm64", profile=f"bionic:{level}")
    path = library(first, "arm64-gnu")
    if level == 28 and first == "thread_destructor":
        with pytest.raises(Deadlock):
            process.dlopen(path)
    else:
        assert process.dlopen(path).loaded() == 42


@pytest.mark.parametrize("profile", ["musl", "musl:1.1.22"])
@pytest.mark.parametrize("first", MUSL_WAITS)
def test_musl_waits_for_constructors_of_the_same_library(first: str, profile: str) -> None:
    process = emuload.Process("amd64", profile=profile)
    path = library(first, "amd64-gnu", "-DLEAVE")
    with pytest.raises(Deadlock) as caught:
        process.dlopen(path)
    opener, starter = caught.value.report.threads[:2]
    assert starter.waits_for == f"constructors of {path}"
    assert starter.holder == opener.tid
    assert opener.holder == starter.tid


@pytest.mark.parametrize("first", ["itself", "exit"])
def test_musl_waits_at_start_too(first: str) -> None:
    path = library(first, "amd64-gnu", "-DLEAVE")
    with pytest.raises(Deadlock, match="deadlock"):
        emuload.Process("amd64", profile="musl", needed=[path]).start()


def test_musl_ends_when_the_library_has_no_destructors() -> None:
    process = emuload.Process("amd64", profile="musl")
    with pytest.raises(GuestFailed, match="exited with status 3"):
        process.dlopen(library("exit", "amd64-gnu"))


@pytest.mark.parametrize("first", ["dlopen", "dlsym", "dladdr", "iterate", "itself"])
def test_bionic_holds_its_mutex(first: str) -> None:
    process = emuload.Process("arm64", profile="bionic:29")
    with pytest.raises(Deadlock) as caught:
        process.dlopen(library(first, "arm64-gnu"))
    opener, starter = caught.value.report.threads[:2]
    assert "loader lock" in starter.waits_for
    assert starter.holder == opener.tid


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("target", TARGETS)
def test_windows_like_no_thread_starts_before_the_constructor_is_done(target: str, linked: bool) -> None:
    path = library("nothing", target)

    def load() -> None:
        process = emuload.Process(arch_of(target), profile="windows-like", needed=[path] if linked else [])
        process.dlopen(path)

    with pytest.raises(Deadlock) as caught:
        load()
    opener, starter = caught.value.report.threads[:2]
    assert opener.waits_for.startswith("thread ")
    assert opener.holder == starter.tid
    assert "loader lock" in starter.waits_for
    assert starter.holder == opener.tid
    assert caught.value.exit_status == 3
