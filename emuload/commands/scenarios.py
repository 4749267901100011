"""`emuload scenarios`: list the scenarios, run them and compare with their stored traces, or store new traces."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import click

from emuload import samples
from emuload.commands.common.command import (
    OPTIONS,
    Command,
    Decorator,
    complete_from,
    option,
    together,
    write_examples,
    write_options,
)
from emuload.commands.common.progress import progress
from emuload.errors import UsageError
from emuload.machine.targets import Target
from emuload.report import console
from emuload.report.difference import difference, show
from emuload.report.tables import Table, events_text
from emuload.samples.toolchain import TARGETS, BuildError, ToolchainMissingError
from emuload.scenarios.building import FolderBuilder, build_all, versions
from emuload.scenarios.description import Scenario
from emuload.scenarios.judging import complaints, judge
from emuload.scenarios.places import find, find_here
from emuload.scenarios.scene import run
from emuload.scenarios.shipped import ShippedFiles
from emuload.scenarios.storing import equal, same_run, update
from emuload.trace.jsonl import Trace, read

HELP = """List, run and update the scenarios that show the order of initialisation.

A scenario is a library, the steps of a host program, a trace for each architecture, and the order that it must show. Those of
traces/ in the current folder come before those that come with emuload. Without a command: list.
"""
EXAMPLES = ("emuload scenarios", "emuload scenarios run call-before-init --arch armv7")


class Group(click.Group):
    """The commands about scenarios."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands, the options, and examples."""
        self.format_commands(ctx, formatter)
        write_options(self, ctx, formatter)
        write_examples(EXAMPLES, formatter)


@click.group(cls=Group, help=HELP, invoke_without_command=True)
@click.pass_context
def command(context: click.Context) -> int:
    """Return the exit status."""
    return _list() if context.invoked_subcommand is None else 0


def _complete_name(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    try:
        return [each.name for each in find(()) if each.name.startswith(incomplete)]
    except UsageError:
        return []


_options: Decorator = together(
    click.argument("names", nargs=-1, metavar="[SCENARIO]…", shell_complete=_complete_name),
    option(
        OPTIONS, "--arch", "architectures", multiple=True, metavar="NAME",
        shell_complete=complete_from(lambda: list(samples.SAMPLES)),
        help=f"Only this one: {', '.join(samples.SAMPLES)}; repeatable.",
    ),
    option(OPTIONS, "--cache", metavar="DIR", help="Where the compilers keep what they need again."),
)  # fmt: skip


@command.command("list", cls=Command, examples=("emuload scenarios list", "emuload scenarios list | grep dlopen"))
def list_scenarios() -> int:
    """List the scenarios: name and what each shows."""
    return _list()


def _list() -> int:
    table = Table(["scenario", "what it shows"], [(each.name, each.about) for each in find(())])
    console.show_table(table)
    return 0


@command.command(
    "run",
    cls=Command,
    short_help="Run scenarios and compare with their stored traces.",
    examples=("emuload scenarios run call-before-init --arch armv7", "emuload scenarios run dlopen linked"),
)
@_options
def run_scenarios(names: Sequence[str], architectures: Sequence[str], cache: str | None) -> int:
    """Run scenarios, all if none is named, and compare with their stored traces and the order they must show.

    Their files come built with emuload; a scenario with other sources is built (needs emuload[toolchain]). Exit status 0:
    each run is as stored and in its order; 1: not all.
    """
    good = True
    for each in _runs(find(names), architectures, cache, take_shipped=True):
        good &= _compare(each)
    return 0 if good else 1


@command.command(
    "update",
    cls=Command,
    short_help="Build and run scenarios and store the traces that differ.",
    examples=("emuload scenarios update", "emuload scenarios update call-before-init --arch armv7 --cache .cache"),
)
@_options
def update_scenarios(names: Sequence[str], architectures: Sequence[str], cache: str | None) -> int:
    """Build and run scenarios, all of traces/ if none is named, and store the traces that differ.

    Works in a checkout of emuload, or where your own scenarios lie (needs emuload[toolchain]). Exit status 1: a run did not
    end, or was not in the order, that its scenario.toml says; its trace is not stored.
    """
    for each in _runs(find_here(names), architectures, cache, take_shipped=False):
        judge(each.scenario, each.made, each.sample)
        print(f"{each.path}: {update(each.path, each.made)}", flush=True)
    return 0


class _Run(NamedTuple):
    """A scenario that was run for a sample's target; its stored trace is at `path`."""

    scenario: Scenario
    sample: str
    path: Path
    made: Trace


class _Files:
    """Built files: those that came with emuload, if they may be taken, else the compilers' work."""

    def __init__(self, folder: Path, cache: Path, take_shipped: bool) -> None:
        self._shipped = ShippedFiles(folder / "shipped") if take_shipped else None
        self._builder = FolderBuilder(folder / "built", cache)

    def of(self, scenario: Scenario, sample: str, target: Target) -> tuple[dict[str, Path], Mapping[str, str]]:
        """The files by name, and the compilers' versions. Raises UsageError if they cannot be built."""
        found = self._shipped.find(scenario, sample, target) if self._shipped is not None else None
        if found is not None:
            return found
        try:
            compilers = versions()
            return build_all(scenario, target, self._builder), compilers
        except ToolchainMissingError as error:
            raise UsageError(f"{scenario.folder}: its files must be built, and {error}") from None
        except BuildError as error:
            raise UsageError(f"{scenario.folder}: {error}") from None


def _runs(
    scenarios: Sequence[Scenario], architectures: Sequence[str], cache: str | None, *, take_shipped: bool
) -> Iterator[_Run]:
    """Run the scenarios for these architectures, or for all. Raises ScenarioError and UsageError for what cannot be used."""
    for name in architectures:
        if name not in samples.SAMPLES:
            raise UsageError(f"there is no architecture {name!r}: choose from {', '.join(samples.SAMPLES)}")
    doing = ""
    with tempfile.TemporaryDirectory(prefix="emuload-") as temporary, progress(lambda: doing):
        files = _Files(Path(temporary), Path(cache or f"{temporary}/cache").resolve(), take_shipped)
        for scenario in scenarios:
            for sample in architectures or samples.SAMPLES:
                target, path = TARGETS[samples.SAMPLES[sample]], scenario.trace(sample)
                doing = f"{path}: building"
                built, compilers = files.of(scenario, sample, target)
                doing = f"{path}: running"
                yield _Run(scenario, sample, path, run(scenario, target, built, compilers))


def _compare(each: _Run) -> bool:
    """Print how a run compares; True if it is as stored and in the order that it must show."""
    title = f"{each.scenario.name} {each.sample}"
    wrong = complaints(each.scenario, each.made)
    for line in wrong:
        print(f"{title}: {line}", flush=True)
    if not each.path.is_file():
        print(f"{title}: there is no stored trace to compare with", flush=True)
        return False
    stored = read(str(each.path))
    each.made.header = same_run(stored.header, each.made.header)
    if not equal(stored, each.made):
        print(f"{title}: not as stored", flush=True)
        show(difference(stored, each.made, order_only=False))
        return False
    if not wrong:
        events = events_text(len(stored.events), len({event.tid for event in stored.events} - {0}))
        print(f"{title}: as stored, {events}, in the order it must show", flush=True)
    return not wrong
