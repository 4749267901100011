"""Guest programs with what they are given, and what they answered outside the emulator.

The answers stand in guests/expected.json, written by `python -m tests.support.record_guests` from runs on amd64 and under
qemu-user; a test of the emulator runs the same scenario and compares.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.guests import GUESTS
from tests.support import toolchain
from tests.support.gotests import go_tests
from tests.support.oracle import Result
from tests.support.targets import GNU

EXPECTED = toolchain.GUEST_FOLDER / "expected.json"
TARGETS = GNU


@dataclass(frozen=True)
class Scenario:
    """A guest of tests/guests with its arguments: "{name}" there stands for the path of that guest library."""

    name: str
    program: str
    args: tuple[str, ...] = ()
    stdin: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    limit: float = 60  # seconds, outside the emulator; few where it is known to hang


@dataclass(frozen=True)
class Command:
    """A scenario for one target: files, not names. `libraries` are the folders of LD_LIBRARY_PATH."""

    program: Path
    args: tuple[str, ...]
    libraries: tuple[Path, ...]
    stdin: str
    env: Mapping[str, str]
    folder: Path | None = None


_BEHAVIOUR = {"BEHAVIOUR": "set"}
_LINES = "first line\n42\n0x10\nlast"
_SHORT = 4.0


def _behaviour(case: str, limit: float = 60) -> Scenario:
    return Scenario(f"behaviour {case}", "behaviour_host", ("{behaviour}", case), limit=limit)


def _faulty(function: str, limit: float = 60) -> Scenario:
    return Scenario(f"faulty {function}", "faulty_host", (function,), limit=limit)


_ALL = [
    Scenario("behaviour", "behaviour_host", ("{behaviour}",), env=_BEHAVIOUR),
    Scenario("behaviour linked", "behaviour_host_linked", env=_BEHAVIOUR),
    Scenario("arguments", "behaviour_host_linked", ("arguments", "add")),
    *map(
        _behaviour, ("platform", "prints_low", "panics", "panics_in_goroutine", "faults_in_c", "aborts_in_c")
    ),
    *map(_behaviour, ("overflows", "exits")),
    *(_behaviour(case, _SHORT) for case in ("spins", "blocks")),
    Scenario("two runtimes", "two_host", ("{two_a}", "{two_b}")),
    Scenario("two runtimes, one SIGURG", "two_host", ("{two_a}", "{two_b}", "preempt")),
    Scenario("late constructor", "blocked_host", ("{late_constructor}",)),
    Scenario("early constructor", "blocked_host", ("{early_constructor}",), limit=_SHORT),
    Scenario("blocked init", "blocked_host", ("{blocked_init}",), limit=_SHORT),
    Scenario("missing symbol", "blocked_host", ("{missing_symbol}",)),
    Scenario("missing dependency", "blocked_host", ("{missing_dependency}",)),
    Scenario("thread-local variables", "tls_host", ("{behaviour}",)),
    Scenario("chain", "chain_host"),
    Scenario("chain at a fixed address", "chain_host_fixed"),
    Scenario("stdin", "echo_stdin", ("a", "b c"), _LINES, {"ECHO_VARIABLE": "shown"}),
    Scenario("threads and stdio", "threads_stdio"),
    *map(_faulty, ("add", "read_null", "write_null", "write_code", "jump_nowhere", "end_by_abort", "trap")),
    *map(_faulty, ("end_by_raise", "leave", "overflow")),
    *(_faulty(function, _SHORT) for function in ("spin", "deadlock", "lock_twice", "wait_for_ever")),
]
SCENARIOS = {scenario.name: scenario for scenario in _ALL}


def command(name: str, target: str, go: str = "1.27") -> Command:
    """The files of a scenario for a target, built when they are not yet there."""
    scenario = SCENARIOS[name]
    program = toolchain.build(scenario.program, target, go)
    opened = [word[1:-1] for word in scenario.args if word.startswith("{")]
    paths = {name: toolchain.build(name, target, go) for name in opened}
    libraries = [
        toolchain.build(needed, target, go).parent
        for needed in GUESTS[scenario.program].link
        if not needed.startswith("-")
    ]
    args = tuple(word.format_map(paths) if word.startswith("{") else word for word in scenario.args)
    return Command(program, args, tuple(libraries), scenario.stdin, scenario.env)


def go_test_command(name: str, target: str) -> Command:
    """The same for one of Go's own tests."""
    test = next(test for test in go_tests(target) if test.name == name)
    return Command(test.program, test.args, (test.folder,), "", {}, test.folder)


def expected(name: str, target: str) -> Result:
    """What a scenario answered outside the emulator. `stderr` is its first line alone."""
    answers = _recorded()[name]
    return Result(**(answers["*"] | answers.get(target, {})))


@functools.cache
def _recorded() -> dict[str, dict[str, dict[str, str]]]:
    return json.loads(EXPECTED.read_text())
