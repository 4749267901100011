"""The command line: `emuload run | trace | check | cost | diff | show | inspect | exec | demo`.

Only click is imported here: the emulator's modules cost time and are imported by the command that needs them
(`emuload.commands`). Exit status: 0 fine; 1 the guest failed; 2 usage or input; 3 deadlock; 4 a bound was reached;
`exec` gives the guest's own status when it exits.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from emuload import __version__
from emuload.errors import EmuloadError, ReportedError

INTERRUPTED = 130
BROKEN_PIPE = 141
USAGE = 2

_Command = TypeVar("_Command", bound=Callable[..., Any])
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


def _show_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        print(f"emuload {__version__}")
        context.exit()


@click.group(context_settings=_SETTINGS, no_args_is_help=False)
@click.option("--version", is_flag=True, expose_value=False, is_eager=True, callback=_show_version, help="Show the version.")
def cli() -> None:
    """Load Linux shared libraries into an emulated CPU and see in which order everything is initialised.

    Nothing runs natively: amd64, ARM and ARM64 libraries run on any host, each run of the same input alike.
    """


def _guest_options(command: _Command) -> _Command:
    """Options of every command that runs a guest."""
    options = [
        click.option("--env", "-e", "environment", multiple=True, metavar="K=V", help="A variable of the guest's; repeatable."),
        click.option(
            "--library-path",
            "-L",
            multiple=True,
            metavar="DIR",
            help="Where to look for needed libraries; repeatable.",
        ),
        click.option("--preload", multiple=True, metavar="LIB", help="Load LIB before all others, as LD_PRELOAD; repeatable."),
        click.option("--map", "maps", multiple=True, metavar="HOST:GUEST[:rw]", help="Show a host folder or file to the guest."),
        click.option(
            "--profile",
            default="glibc",
            show_default=True,
            metavar="NAME[:VERSION][/PAGES]",
            help="Whose dynamic linker's rules hold: glibc:2.17 … 2.42, musl:1.1.20 … 1.2.5, bionic:21 … 36, windows-like; the "
            "newest if no version is given. Pages: 4k, 16k, 64k.",
        ),
        click.option("--seed", default=0, show_default=True, help="Where the guest's random numbers start."),
        click.option("--stdin", metavar="FILE", help="The guest's standard input; - is this one. Empty if not given."),
        click.option("--cwd", default="/", show_default=True, help="The guest's working folder."),
        click.option("--cpus", type=click.IntRange(1, 1024), default=1, help="How many processors it sees. [default: 1]"),
        click.option("--no-kuser-helpers", is_flag=True, help="ARM: a kernel without the helper page."),
        click.option("--time-limit", type=float, metavar="SECONDS", help="Bound on virtual time. [default: 3600]"),
        click.option("--code-limit", type=int, metavar="BYTES", help="Bound on code executed. [default: 20000000000]"),
        click.option("--memory-limit", type=int, metavar="BYTES", help="Bound on memory in use. [default: 4294967296]"),
        click.option("--output-limit", type=int, metavar="BYTES", help="Bound on what is written. [default: 67108864]"),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _call_options(command: _Command) -> _Command:
    """Options of every command that loads a library and calls it."""
    options = [
        click.option("--call", "-c", "calls", multiple=True, metavar="CALL", help="A call, e.g. 'add(1, 2)'; repeatable."),
        click.option("--arg", "-a", "arguments", multiple=True, help="A further word of os.Args; repeatable."),
        click.option("--threads", type=click.IntRange(1), help="Make each call on so many foreign threads at once."),
        click.option("--linked", is_flag=True, help="Load at start-up, as a DT_NEEDED library, instead of by dlopen."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@cli.command()
@click.argument("library")
@_call_options
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@click.option("--events", "show_events", is_flag=True, help="Show every event of the run.")
@_guest_options
def run(**options: Any) -> int:
    """Load LIBRARY, make calls, show their results and the handoff.

    \b
    A call:    name(argument, …) -> type
    argument:  5  -0x10  1.5  "C string"  go"Go string"  true  null
               [1, 2, 3] (a Go slice)  {1, 2.5} (a struct)  i32(5)  buf(64) (memory)
    type:      i8…i128 u8…u128 int uint long ulong size f32 f64 c64 c128 bool char
               str bytes gostring ptr void  [type] (a Go slice)  (type, …) (a struct)
               int, the machine word, if none is given
    """
    from emuload.commands.run import run_library

    return run_library(options)


@cli.command()
@click.argument("names", nargs=-1, metavar="LIBRARY")
@click.option("--output", "-o", "outputs", multiple=True, metavar="FILE", help="Where to; the suffix is the format; repeatable.")
@click.option("--follow", "-f", is_flag=True, help="Show each event as it happens, one line each.")
@click.option("--kind", "-k", "kinds", multiple=True, metavar="GLOB", help="Show events of this kind; repeatable.")
@click.option("--thread", "-t", "event_threads", multiple=True, metavar="TID|ROLE", help="Show this thread; repeatable.")
@click.option("--object", "-O", "objects", multiple=True, metavar="GLOB", help="Show events of this object; repeatable.")
@click.option("--update", is_flag=True, help="Run scenarios again and keep their traces; no LIBRARY is given then.")
@click.option("--arch", "architectures", multiple=True, metavar="NAME", help="With --update: only this one; repeatable.")
@click.option("--cache", metavar="DIR", help="With --update: where the compilers keep what they need again.")
@click.option(
    "--instructions", multiple=True, is_flag=False, flag_value="", metavar="WHAT", help="What goes into FILE.ilog; repeatable."
)
@click.option("--memory-writes", is_flag=True, help="FILE.ilog: what each instruction wrote to memory, too.")
@click.option("--register-writes", is_flag=True, help="FILE.ilog: the registers each instruction changed, too.")
@_call_options
@_guest_options
@click.pass_context
def trace(context: click.Context, /, **options: Any) -> int:
    """Load LIBRARY and make calls as `run` does, and keep every event of it.

    \b
    -o FILE.jsonl   one JSON object a line, written as things happen: the canonical form
    -o FILE.json    Chrome trace events, for the Perfetto UI (ui.perfetto.dev): threads, slices, arrows
    -o FILE.perfetto-trace   the same as protobuf (needs emuload[trace])
    -o FILE.ilog    every instruction, for `emuload show`; --instructions=WHAT limits it to
                    functions (main.*), addresses (0x1000-0x2000, libx.so+0x1000+64) or from one
                    event to another (go-rt0-go..go-schedinit, constructor-enter:object=libx.so..)
    --follow        a line for each event, system calls as strace shows them; --kind, --thread and
                    --object choose which. Roles: loader, runtime, sysmon, foreign, host (no thread)
    --update [SCENARIO]…   build and run the scenarios named, or all of traces/, and write the traces
                    that differ (needs emuload[toolchain])
    """
    names, update = options.pop("names"), options.pop("update")
    of_update = {name: options.pop(name) for name in ("architectures", "cache")}
    for name in options if update else of_update:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = next(each.opts[0] for each in context.command.params if each.name == name)
            raise click.UsageError(f"{option} {'does not go' if update else 'only goes'} with --update")
    if update:
        from emuload.commands.update import update_traces

        return update_traces(names, **of_update)
    if len(names) != 1:
        raise click.UsageError(f"Got unexpected extra argument ({names[1]})" if names else "Missing argument 'LIBRARY'.")
    from emuload.commands.trace import trace_library

    return trace_library(options | {"library": names[0]})


@cli.command()
@click.argument("file", metavar="LIBRARY|TRACE")
@click.option("--rules", "-r", multiple=True, metavar="SET|FILE", help="Check by these rules; repeatable.")
@click.option("--junit", metavar="FILE", help="Write the verdicts to FILE as JUnit XML.")
@click.option("--sarif", metavar="FILE", help="Write the findings to FILE as SARIF 2.1.0.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@_call_options
@_guest_options
@click.pass_context
def check(context: click.Context, /, **options: Any) -> int:
    """Check the order in which things happened: LIBRARY is run as `trace` does; or a TRACE (.jsonl) that was kept.

    Shows a table of rules, and for each that does not hold the events, with their stacks. broken: it happened
    otherwise; unordered: it came out well, and nothing the threads wait for makes it so.

    \b
    Rule sets: elf, go-c-shared, eager, lazy; files of your own are TOML (traces/RULES.md).
    If none are given: elf, and go-c-shared where Go runs.
    Exit status 0: all hold; 1: not all; the run's own if it did not end well.

    With --profile all, or several with commas between, it says instead whether LIBRARY loads there, by dlopen and
    linked: "loads", "refused" with the linker's words, or "loads but". 1: one of several named is not "loads".
    """
    given = {
        max(option.opts, key=len)
        for option in context.command.params
        if context.get_parameter_source(str(option.name)) is click.core.ParameterSource.COMMANDLINE
    }
    if options["profile"] == "all" or "," in options["profile"]:
        others = given - {"file", "--profile", "--library-path", "--json"}
        if others:
            raise click.UsageError(f"{', '.join(sorted(others))} does not go with several profiles")
        from emuload.commands.compatibility import check_everywhere

        return check_everywhere(options)
    from emuload.commands.check import check_file

    return check_file(options, given - {"file", "--rules", "--junit", "--sarif", "--json"})


@cli.command()
@click.argument("library")
@_call_options
@click.option("--budget", metavar="FILE", help="Fail where a phase takes more instructions than FILE allows.")
@click.option("--write-budget", metavar="FILE", help="Write FILE with what each phase took.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@_guest_options
def cost(**options: Any) -> int:
    """Load LIBRARY and make calls as `run` does, and count the instructions of each phase.

    The figures are exact and the same on every host: the deterministic counterpart of a timing test. Exit status 1 when a
    phase exceeds its budget.

    \b
    total = 700000             a budget is a TOML file;
    [phases]                   phases are named as in the table
    "runtime init" = 250000
    """
    from emuload.commands.cost import measure_cost

    return measure_cost(options)


@cli.command()
@click.argument("library")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
def inspect(library: str, as_json: bool) -> int:
    """Say what LIBRARY is, without running it."""
    from emuload.commands.inspect import inspect_file

    return inspect_file(library, as_json)


@cli.command()
@click.argument("left", metavar="A")
@click.argument("right", metavar="B")
@click.option("--order-only", is_flag=True, help="Only what was done, thread by thread, whatever the machine and the times.")
def diff(left: str, right: str, order_only: bool) -> int:
    """Compare two traces (.jsonl): where they part first, then all in which they differ.

    Exit status 0: the same; 1: not. With --order-only, traces of different architectures can be compared: times, addresses,
    system calls, locks and waits do not count.
    """
    from emuload.commands.diff import compare_traces

    return compare_traces(left, right, order_only)


@cli.command()
@click.argument("file")
@click.option("--function", metavar="GLOB", help="Only code of functions whose name matches, inlined ones included.")
@click.option("--thread", type=int, metavar="TID", help="Only this thread.")
@click.option("--address", "addresses", metavar="RANGE", help="Only these addresses: START-END, START+SIZE or one.")
@click.option("--touched", metavar="RANGE", help="Only what wrote to these addresses.")
@click.option("--from", "first", metavar="POINT", help="From this block or virtual time on: 12000, 0.35ms, 12us.")
@click.option("--to", "last", metavar="POINT", help="Up to this block or virtual time.")
@click.option("--format", default="text", show_default=True, metavar="NAME", help="text, tenet or execlog.")
def show(**options: Any) -> int:
    """Show the instruction log FILE, which `trace -o FILE.ilog` wrote.

    \b
    text      a line for each instruction executed: thread, address, bytes, disassembly,
              what it wrote, function, source line
    tenet     Tenet's text trace: registers and memory writes, which must be in the log
    execlog   as QEMU's execlog plugin writes it
    """
    from emuload.commands.show import show_log

    return show_log(options)


@cli.command("exec", context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_guest_options
@click.argument("program")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def execute(**options: Any) -> int:
    """Run PROGRAM, a dynamically linked executable, as a guest.

    It gets the emulated C library, sees no host file but those mapped in, and its exit status is this command's.
    """
    from emuload.commands.execute import execute_program

    return execute_program(options)


@cli.command()
@click.option("--arch", "architectures", multiple=True, metavar="NAME", help="Only this sample; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document instead of text.")
@click.option("--write", metavar="DIR", help="Run nothing: write the libraries to DIR/NAME/libhello.so.")
def demo(architectures: Sequence[str], as_json: bool, write: str | None) -> int:
    """Show the handoff on every architecture.

    Runs the Go libraries that come with emuload and shows their handoffs side by side.
    """
    from emuload.commands.demo import run_demo, write_samples

    return write_samples(write) if write is not None else run_demo(architectures, as_json)


def complain(text: object) -> None:
    """One line on standard error."""
    print(f"emuload: {' '.join(str(text).split())}", file=sys.stderr)


def _guarded(arguments: Sequence[str] | None) -> int:
    from loader.errors import LoadError

    try:
        with cli.make_context("emuload", list(sys.argv[1:] if arguments is None else arguments)) as context:
            status = cli.invoke(context)
    except click.exceptions.Exit as stop:
        status = stop.exit_code
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx is not None else "emuload"
        complain(f"{error.format_message()} (see {where} --help)")
        return USAGE
    except ReportedError as error:
        from emuload.report.console import show_report

        sys.stdout.flush()
        show_report(error.report, sys.stderr)
        return error.exit_status
    except EmuloadError as error:
        complain(error)
        return error.exit_status
    except LoadError as error:
        complain(error)
        return USAGE
    sys.stdout.flush()
    return status if isinstance(status, int) else 0


def command(arguments: Sequence[str] | None = None) -> int:
    """Run the command line (sys.argv if not given); returns its exit status."""
    try:
        return _guarded(arguments)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output is gone: let the interpreter's last flush go nowhere.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
