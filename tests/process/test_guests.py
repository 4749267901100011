"""What the other tests compare with is true outside the emulator, and the guests are built once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import toolchain
from tests.support.gotests import go_tests
from tests.support.guest_scenarios import SCENARIOS, expected, go_test_command
from tests.support.oracle import HANGS, run_native
from tests.support.record_guests import answer

ENDING = [name for name in SCENARIOS if expected(name, "amd64-gnu").status != HANGS]
GO_TESTS = ("main0", "main1", "main2", "main4", "main5", "m1", "m2", "issue36233", "issue68411")


@pytest.mark.native
@pytest.mark.parametrize("name", ENDING)
def test_a_scenario_answers_natively_what_is_recorded(name: str) -> None:
    assert answer(name, "amd64-gnu") == vars(expected(name, "amd64-gnu"))


@pytest.mark.native
@pytest.mark.parametrize("name", GO_TESTS)
def test_gos_own_tests_pass_natively(name: str) -> None:
    test = next(test for test in go_tests("amd64-gnu") if test.name == name)
    made = go_test_command(name, "amd64-gnu")
    result = run_native(made.program, made.args, libraries=made.libraries, folder=made.folder)
    assert (result.status, result.stdout) == (0, test.expected), result.stderr


def test_a_guest_is_built_once() -> None:
    first = toolchain.c_program("echo_stdin", "arm64-gnu")
    made = first.stat().st_mtime_ns
    assert toolchain.c_program("echo_stdin", "arm64-gnu") == first
    assert first.stat().st_mtime_ns == made


def test_a_guest_of_one_file_follows_its_text(tmp_path: Path) -> None:
    source = tmp_path / "one.c"
    source.write_text("int main(void) { return 3; }\n")
    three = toolchain.c_program(source, "amd64-gnu")
    source.write_text("int main(void) { return 4; }\n")
    four = toolchain.c_program(source, "amd64-gnu")
    assert (run_native(three).status, run_native(four).status) == (3, 4)


def test_other_pythons_start_with_this_ones_packages() -> None:
    pythons = toolchain.other_pythons()
    assert 1 <= len(pythons) <= 2
    for program in pythons:
        subprocess.run(
            [program, "-c", "import sys, click, unicorn; assert sys.version_info >= (3, 10)"],
            env={"PYTHONPATH": toolchain.site_packages()},
            check=True,
        )
    assert sys.version_info >= (3, 10)
