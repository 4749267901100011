"""What the host sees of linking in the guest: events, a debugger's view, libraries named by the host."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import emuload
from emuload.libc.link_maps import RT_ADD, RT_CONSISTENT, RT_DELETE, LinkMaps
from tests.loader import behaviours
from tests.loader.behaviours import TARGETS, Run, emulated
from tests.support.command_line import emuload as command
from tests.support.targets import arch_of

LAZY = "lazy|local"


def process_of(name: str, target: str, **options: object) -> tuple[emuload.Process, Path]:
    """A process that finds a behaviour's libraries by their names, and their folder."""
    folder = behaviours.built(name, target)
    return emuload.Process(arch_of(target), library_path=[str(folder)], **options), folder  # type: ignore[arg-type]


@pytest.mark.parametrize("target", TARGETS)
def test_a_call_that_a_library_makes_is_bound_when_it_is_made(target: str) -> None:
    process, folder = process_of("lazy_chain", target)
    library = process.dlopen(f"{folder}/liba.so", LAZY)
    assert not [event for event in process.events if event.kind == "slot-bound"]
    assert library.call("a", 1, 0.5, returns=int, argtypes=[int, float]) & 0xFFFF == 200
    bound = [event.fields["symbol"] for event in process.events if event.kind == "slot-bound"]
    assert bound == ["b"]
    library.call("a", 1, 0.5, returns=int, argtypes=[int, float])
    assert len([event for event in process.events if event.kind == "slot-bound"]) == 1


@pytest.mark.parametrize("target", TARGETS)
def test_a_resolver_runs_before_the_constructors_and_for_dlsym(target: str) -> None:
    process, folder = process_of("ifunc_resolver_uses_a_dependency", target)
    library = process.dlopen(f"{folder}/libx.so")
    kinds = [event.kind for event in process.events]
    (resolved,) = (event for event in process.events if event.kind == "ifunc-resolved")
    assert resolved.fields["object"] == f"{folder}/libx.so"
    assert kinds.index("ifunc-resolved") < kinds.index("constructor-enter")
    assert library.call("x") == 5
    process, folder = process_of("ifunc_called", target)
    library = process.dlopen(f"{folder}/libx.so")
    assert process.main.call(process.dlsym(library, "chosen"), returns=int) == 2


def test_a_library_that_lacks_a_function_ends_the_process_at_the_call() -> None:
    process, folder = process_of("lazy_missing_in_a_library", "amd64-gnu")
    library = process.dlopen(f"{folder}/libx.so", LAZY)
    with pytest.raises(emuload.GuestFailed) as caught:
        library.call("plain")
    assert caught.value.status == 127
    assert process.stderr.decode() == f"prog: symbol lookup error: {folder}/libx.so: undefined symbol: missing\n"


@pytest.mark.parametrize("target", TARGETS)
def test_descriptors_keep_vector_registers_on_the_slow_path(target: str) -> None:
    """As the ABIs demand; glibc does so from 2.40 on, which is why it is not the oracle here."""
    lines = emulated("tls_descriptor_keeps_registers", target, Run(("slow",))).stdout.split("\n")
    first, slow, then = lines[0], lines[1], lines[2]
    assert f"{first} {slow}" == then
    assert lines[:3] == lines[3:6]


@pytest.mark.parametrize("target", TARGETS)
def test_a_preloaded_library_comes_first(target: str) -> None:
    folder = behaviours.built("preloaded", target)
    process = emuload.Process(arch_of(target), preload=[f"{folder}/libp.so"], needed=[f"{folder}/libx.so"])
    assert process.main.call(process.dlsym(emuload.DEFAULT, "which"), returns=int) == 11


def test_preload_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    folder = behaviours.built("preloaded", "amd64-gnu")
    options = ("--preload", f"{folder}/libp.so", "-L", str(folder))
    assert command(capsys, "exec", *options, f"{folder}/main").out == "x begins\np begins\n11\n"
    ran = command(capsys, "run", *options, f"{folder}/libx.so", "--call", "which()").out
    assert "p begins\n  x begins\n" in ran
    result = command(capsys, "exec", "--preload", "nosuch.so", f"{folder}/main")
    assert (result.status, result.err) == (2, "emuload: nosuch.so: cannot open shared object file: No such file or directory\n")


# -- a debugger's view -----------------------------------------------------------------------------

STEPS = "open_fails_half_way"
"""A behaviour whose program opens libraries in vain and with success, and closes none."""

GDB = """
set breakpoint pending on
set confirm off
break main
run > /dev/null
break _dl_debug_state
commands
silent
printf "state %d\\n", *(int *)((char *)&_r_debug + 24)
continue
end
continue
"""


def states_here() -> list[int]:
    """r_state each time that the guest comes to _dl_debug_state, after the start."""
    seen: list[int] = []
    set_state = LinkMaps.set_state

    def noted(self: LinkMaps, state: int) -> None:
        set_state(self, state)
        at = self._builtin().address("_r_debug") + 24
        seen.append(int.from_bytes(self._host.cpu.memory.read(at, 4), "little"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LinkMaps, "set_state", noted)
        emulated(STEPS, "amd64-gnu", Run())
    assert seen[0] == RT_CONSISTENT  # the end of the start, which comes before the debugger's first stop in main
    return seen[1:]


def test_a_debugger_is_told_of_what_comes_and_goes(tmp_path: Path) -> None:
    gdb = shutil.which("gdb") or shutil.which("gdb-multiarch")
    if gdb is None:
        pytest.skip("no gdb: install gdb-multiarch")
    folder = behaviours.built(STEPS, "amd64-gnu")
    script = tmp_path / "script"
    script.write_text(GDB)
    words = [gdb, "-q", "-nx", "-batch", "-x", str(script), "./main"]
    environment = {"LD_LIBRARY_PATH": ".", "HOME": "/"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False)
    states = [int(number) for number in re.findall(r"^state (\d)", done.stdout, re.MULTILINE)]
    if not states:
        pytest.skip(f"gdb cannot run programs here: {done.stderr.strip().splitlines()[-1:]}")
    assert states_here() == states
    assert {RT_ADD, RT_CONSISTENT, RT_DELETE} == set(states)
