"""The help: groups in one order, two examples each, and names and ranges that come from the tables."""

from __future__ import annotations

import re
import shlex
from importlib import import_module

import click
import pytest

from emuload import cli, samples
from emuload.commands.common.command import GROUPS, Command, Option
from emuload.commands.common.quantities import SIZE, TIME
from emuload.commands.common.trace_files import formats
from emuload.machine import ARCHITECTURES
from emuload.order.rules import shipped
from emuload.process.options import Limits
from emuload.report.follow import ROLES
from emuload.report.show import FORMATS
from loader import profiles
from loader.profiles.base import PAGE_SIZES
from tests.support.command_line import ROOT, emuload


def commands() -> dict[str, Command]:
    """Every command and subcommand with its words."""
    found: dict[str, Command] = {}
    for name in cli.COMMANDS:
        command = import_module(f"emuload.commands.{name}").command
        if isinstance(command, click.Group):
            found |= {f"{name} {inner}": each for inner, each in command.commands.items() if isinstance(each, Command)}
        else:
            found[name] = command
    return found


COMMANDS = commands()


def help_of(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """A command's help, its lines joined so that a wrapped sentence is found."""
    return " ".join(emuload(capsys, *words, "--help").out.split())


def test_each_command_is_a_file_of_its_own() -> None:
    files = {path.stem for path in (ROOT / "emuload" / "commands").glob("*.py")} - {"__init__"}
    assert files == set(cli.COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_groups_come_in_one_order_and_two_examples_last(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    lines = emuload(capsys, *name.split(), "--help").out.splitlines()
    heads = [line[:-1] for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert heads == [*(group for group in GROUPS if group in heads), "Examples"]
    examples = lines[lines.index("Examples:") + 1 :]
    assert len(examples) == 2
    assert all(line.startswith("  ") and "emuload" in line for line in examples)


@pytest.mark.parametrize("name", COMMANDS)
def test_its_examples_are_command_lines_of_it(name: str) -> None:
    command = COMMANDS[name]
    assert any(f"emuload {name}" in example or f"emuload {name.split()[0]}" in example for example in command.examples)
    for example in command.examples:
        words = shlex.split(example.removesuffix(")\"").removeprefix('eval "$('))
        start = ["emuload", *name.split()]
        if words[: len(start)] == start:
            rest = words[len(start) :]
            end = next((at for at, word in enumerate(rest) if word in ("|", "&&", ">")), len(rest))
            command.make_context(name, rest[:end])


def test_an_option_is_described_alike_and_in_one_order_everywhere() -> None:
    described: dict[str, str | None] = {}
    order = [option.name for option in COMMANDS["run"].params if isinstance(option, Option)]
    for name, command in COMMANDS.items():
        options = [option for option in command.params if isinstance(option, Option)]
        shared = [option.name for option in options if option.name in order]
        assert shared == [each for each in order if each in shared], name
        for option in options:
            if (option.group in ("Calls", "Guest", "Limits") and name != "compat") or option.name == "as_json":
                assert described.setdefault(str(option.name), option.help) == option.help


def test_profiles_are_those_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("run", "compat"):
        text = help_of(capsys, name)
        for family in profiles.families():
            known = profiles.versions(family)
            assert (f"{family}:{known[0]} … {known[-1]}" if known else family) in text
        assert f"Pages: {', '.join(PAGE_SIZES)}." in text


def test_bounds_are_those_of_the_table(capsys: pytest.CaptureFixture[str]) -> None:
    text, limits = help_of(capsys, "exec"), Limits()
    found = re.findall(r"--([a-z]+)-limit .*?\[default: ([^]]+)\]", text, re.DOTALL)
    shown = {name: (TIME if name == "time" else SIZE).convert(value, None, None) for name, value in found}
    assert shown == {
        "time": limits.virtual_seconds, "code": limits.code_bytes, "memory": limits.memory, "output": limits.output,
    }  # fmt: skip


def test_names_are_those_of_the_tables(capsys: pytest.CaptureFixture[str]) -> None:
    assert f"Architectures: {', '.join(ARCHITECTURES)}." in help_of(capsys)
    assert f"Rule sets: {', '.join(shipped())};" in help_of(capsys, "check")
    assert f"One of {', '.join(FORMATS)}." in help_of(capsys, "show")
    assert f"Roles: {', '.join(ROLES)} " in help_of(capsys, "trace")
    for words in (["demo"], ["scenarios", "run"], ["scenarios", "update"], ["samples"]):
        assert ", ".join(samples.SAMPLES) in help_of(capsys, *words)


def test_every_format_of_a_trace_is_described(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys, "trace")
    for suffix in (*formats(), ".ilog"):
        assert f"-o FILE{suffix} " in text
    assert text.count("-o FILE.") == len(formats()) + 1
