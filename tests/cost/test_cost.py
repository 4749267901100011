"""`emuload cost`: instructions by phase, exact and repeatable, and budgets that fail."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import emuload as api
from emuload import samples
from emuload.cost.meter import CostMeter
from emuload.machine import engine as uc
from emuload.trace.events import Event
from tests.support import toolchain
from tests.support.command_line import emuload, source_file
from tests.support.targets import GNU, arch_of

TARGETS = GNU
LOOP = """
void loop(unsigned long rounds) {
    __asm__ volatile(
#if defined(__x86_64__)
        "1: sub $1, %0\\n jnz 1b\\n" : "+r"(rounds) : : "cc");
#elif defined(__aarch64__)
        "1: subs %0, %0, #1\\n b.ne 1b\\n" : "+r"(rounds) : : "cc");
#else
        "1: subs %0, %0, #1\\n bne 1b\\n" : "+r"(rounds) : : "cc");
#endif
}
__attribute__((target("thumb"))) int nothing(void) { return 0; }
"""


def phases(target: str, path: Path, *calls: tuple[str, tuple[object, ...]], **options: object) -> dict[str, int]:
    process = api.Process(arch_of(target), **options)  # type: ignore[arg-type]
    meter = CostMeter(process.scheduler)
    library = process.dlopen(str(path))
    for name, arguments in calls:
        library.call(name, *arguments)
    process.exit()
    found = meter.finish()
    assert sum(phase.instructions for phase in found) == meter.total
    assert all(sum(phase.threads.values()) == phase.instructions for phase in found)
    return {phase.name: phase.instructions for phase in found}


@pytest.mark.parametrize("target", TARGETS)
def test_a_loop_costs_its_instructions_times_its_rounds(target: str) -> None:
    text = LOOP if "arm" in target and "arm64" not in target else LOOP.replace('__attribute__((target("thumb"))) ', "")
    library = toolchain.c_library(source_file(f"loop_{target}", text), target)
    once, often = (phases(target, library, ("loop", (rounds,)))["call loop"] for rounds in (1, 1001))
    assert often - once == 2 * 1000


@pytest.mark.parametrize("target", TARGETS)
def test_phases_are_what_a_hook_on_every_instruction_counts(target: str) -> None:
    """Per thread between its constructor's start and end, and in a first call."""
    library = toolchain.go_library("behaviour", target)
    process = api.Process(arch_of(target))
    by_thread: dict[int, int] = {}
    marks: dict[str, int] = {}

    def step(_: int, address: int, size: int, user: int) -> None:
        task = process.kernel.current
        tid = task.tid if task is not None else 0
        by_thread[tid] = by_thread.get(tid, 0) + 1

    def listen(event: Event) -> None:
        if event.kind in ("constructor-enter", "constructor-exit", "go-package-init-enter", "go-package-init-exit"):
            marks[f"{event.kind} {event.fields.get('package', event.fields.get('index'))}"] = by_thread.get(event.tid, 0)

    process.cpu.engine.hook(uc.HOOK_CODE, uc.BLOCK_CALLBACK(step))
    process.recorder.add_listener(listen)
    process.dlopen(str(library)).call("add", 1, 2)
    last = max(int(name.split()[1]) for name in marks if name.startswith("constructor-exit"))
    cost = phases(target, library, ("add", (1, 2)))
    constructor = marks[f"constructor-exit {last}"] - marks[f"constructor-enter {last}"]
    assert abs(cost[f"constructor {library.name}[{last}]"] - constructor) <= 1  # the instruction of the event itself
    runtime = marks["go-package-init-exit errors"] - marks["go-package-init-enter errors"]
    assert abs(cost["package init errors"] - runtime) <= 1


def test_the_same_run_costs_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = samples.path("arm64", tmp_path)
    command = ("cost", library, "--call", "sum(20)", "--threads", "2", "--json")
    first, second = (emuload(capsys, *command) for _ in range(2))
    assert first == second
    assert first.status == 0
    document = json.loads(first.out)
    assert document["total"] == sum(row["instructions"] for row in document["phases"])
    names = [row["phase"] for row in document["phases"]]
    assert {"constructor libhello.so[0]", "runtime init", "package init main", "call sum(20)", "exit"} <= set(names)


def test_counting_changes_nothing_of_the_run(tmp_path: Path) -> None:
    library = str(samples.path("amd64", tmp_path))
    streams = []
    for counted in (True, False):
        process = api.Process("amd64")
        meter = CostMeter(process.scheduler) if counted else None
        process.dlopen(library).call("sum", 50)
        process.exit()
        streams.append([event.line() for event in process.events])
        assert meter is None or meter.total > 0
    assert streams[0] == streams[1]


def test_calls_are_named_by_their_text_and_counted_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = samples.path("armv7", tmp_path)
    out = emuload(capsys, "cost", library, "-c", "add(1, 2)", "-c", "add(1, 2)", "-c", "add(3, 4)").out
    rows = {line.split("  ")[1] for line in out.splitlines() if line.startswith("  call ")}
    assert rows == {"call add(1, 2)", "call add(1, 2) #2", "call add(3, 4)"}


def test_a_budget_that_is_kept_passes_and_one_that_is_not_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library, file = samples.path("armv7", tmp_path), tmp_path / "budget.toml"
    command = ("cost", library, "-c", "add(1, 2)")
    assert emuload(capsys, *command, "--write-budget", file).status == 0
    assert emuload(capsys, *command, "--budget", file).status == 0
    text = file.read_text()
    line = next(line for line in text.splitlines() if line.startswith('"package init main"'))
    took = int(line.split()[-1])
    file.write_text(text.replace(line, f'"package init main" = {took - 1}'))
    ended = emuload(capsys, *command, "--budget", file)
    assert ended.status == 1
    assert f"over budget: package init main: {took:,} instructions, 1 more than {took - 1:,}" in ended.out.splitlines()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("total = 1\nphase = 2\n", ":2: a budget has 'total' and [phases], not 'phase'"),
        ("[phases]\n\"exit\" = 'x'\n", ':2: a budget is a number of instructions, not "x"'),
        ("[phases]\n\n'no such' = 1\n", ":3: the run has no phase 'no such', only: start-up, "),
        ("[phases]\nexit = -1\n", ":2: a budget is a number of instructions, not -1"),
        ("phases = 3\n", ":1: 'phases' is no table"),
        ("total = \n", ": Invalid value (at line 1, column 9)"),
        ("", ": the budget is empty"),
    ],
)
def test_a_wrong_budget_is_one_line_with_its_place(
    text: str, complaint: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "budget.toml"
    file.write_text(text)
    ended = emuload(capsys, "cost", samples.path("armv7", tmp_path), "-c", "add(1, 2)", "--budget", file)
    assert ended.status == 2
    assert ended.err.startswith(f"emuload: {file}{complaint}")
    assert len(ended.err.splitlines()) == 1


def test_a_budget_that_is_not_there_or_no_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = samples.path("armv7", tmp_path)
    ended = emuload(capsys, "cost", library, "--budget", tmp_path / "none.toml")
    assert (ended.status, ended.err) == (2, f"emuload: {tmp_path}/none.toml: No such file or directory\n")
    assert emuload(capsys, "cost", library, "--budget", library).status == 2
    assert emuload(capsys, "cost", library, "--write-budget", tmp_path / "no" / "b.toml").status == 2


def test_a_run_that_ends_badly_shows_what_it_cost_until_then(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library = toolchain.go_library("blocked_init", "amd64-gnu")
    ended = emuload(capsys, "cost", library, "-c", "add(1, 2)")
    assert ended.status == 3
    assert "package init main" in ended.out
    assert ended.err.startswith("emuload: deadlock: ")
